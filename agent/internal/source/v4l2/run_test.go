package v4l2

import (
	"slices"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/status"
)

func TestNumbering(t *testing.T) {
	type frame struct {
		number  uint32
		skipped int
		at      time.Duration // ms
	}
	for name, c := range map[string]struct {
		frames []frame
		lost   []uint64
		late   []int // indexes
	}{
		"in order":              {[]frame{{7, 0, 0}, {8, 0, 1}, {9, 0, 2}}, []uint64{0, 0, 0}, nil},
		"begins anywhere":       {[]frame{{1 << 31, 3, 0}, {1<<31 + 1, 0, 1}}, []uint64{0, 0}, nil},
		"two missing":           {[]frame{{7, 0, 0}, {10, 0, 3}, {11, 0, 4}}, []uint64{0, 2, 0}, nil},
		"over the top":          {[]frame{{1<<32 - 2, 0, 0}, {1<<32 - 1, 0, 1}, {2, 0, 4}}, []uint64{0, 0, 2}, nil},
		"skipped ones came":     {[]frame{{7, 0, 0}, {10, 2, 3}, {14, 1, 7}}, []uint64{0, 0, 2}, nil},
		"overtaken":             {[]frame{{7, 0, 0}, {9, 0, 2}, {8, 0, 1}, {10, 0, 3}}, []uint64{0, 1, 0, 0}, []int{2}},
		"a newer one skipped":   {[]frame{{7, 0, 0}, {8, 1, 1}, {10, 0, 3}}, []uint64{0, 0, 0}, nil},
		"not numbered":          {[]frame{{0, 0, 0}, {0, 2, 3}, {0, 0, 4}}, []uint64{0, 0, 0}, nil},
		"restarted":             {[]frame{{7, 0, 0}, {0, 0, 1}, {1, 0, 2}, {3, 0, 4}}, []uint64{0, 0, 0, 1}, nil},
		"restarted, far":        {[]frame{{700, 0, 5}, {0, 0, 1}, {1, 0, 2}}, []uint64{0, 0, 0}, nil},
		"numbers of no meaning": {[]frame{{7, 0, 0}, {1 << 20, 0, 1}, {1<<20 + 1, 0, 2}}, []uint64{0, 0, 0}, nil},
	} {
		var n gapDetector
		for i, f := range c.frames {
			lost, late := n.next(device.Buffer{Sequence: f.number, Skipped: f.skipped}, f.at*time.Millisecond)
			if lost != c.lost[i] || late != slices.Contains(c.late, i) {
				t.Errorf("%s: frame %d: lost %d, late %v", name, i, lost, late)
			}
		}
	}
}

func TestTimeline(t *testing.T) {
	const ms, us = time.Millisecond, time.Microsecond
	for name, c := range map[string]struct{ at, want []time.Duration }{
		"even": {[]time.Duration{5 * ms, 38 * ms, 71 * ms}, []time.Duration{0, 33 * ms, 66 * ms}},
		"a little back": {[]time.Duration{5 * ms, 38 * ms, 37 * ms, 72 * ms},
			[]time.Duration{0, 33 * ms, 33*ms + us, 67 * ms}},
		"back before the 1st": {[]time.Duration{5 * ms, 4 * ms, 3 * ms, 38 * ms}, []time.Duration{0, us, 2 * us, 33 * ms}},
		"the same":            {[]time.Duration{5 * ms, 5 * ms, 5 * ms}, []time.Duration{0, us, 2 * us}},
		"set back by 5 s": {[]time.Duration{9000 * ms, 9033 * ms, 4000 * ms, 4033 * ms},
			[]time.Duration{0, 33 * ms, 33*ms + us, 66*ms + us}},
	} {
		var l timeline
		for i, at := range c.at {
			if got := l.pts(at); got != c.want[i] {
				t.Errorf("%s: frame %d at %v, want %v", name, i, got, c.want[i])
			}
		}
	}
}

// TestClock: the driver's times are taken if they are of this clock, else those of arrival.
func TestClock(t *testing.T) {
	a := sourcetest.JPEG(t, 64, 48)
	for name, c := range map[string]struct {
		shift   func(time.Duration) time.Duration
		arrival time.Duration // after the true time
		late    time.Duration // what Captured is too late by
		source  string
	}{
		"monotonic": {func(d time.Duration) time.Duration { return d }, 5 * time.Millisecond, 0, status.ClockV4L2},
		"another clock": {func(time.Duration) time.Duration { return 0 }, 5 * time.Millisecond, 5 * time.Millisecond,
			status.ClockArrival},
		"far in the future": {func(d time.Duration) time.Duration { return d + hour }, 5 * time.Millisecond,
			5 * time.Millisecond, status.ClockArrival},
		"a bit in the future": {func(d time.Duration) time.Duration { return d + 90*time.Millisecond }, 5 * time.Millisecond,
			5 * time.Millisecond, status.ClockV4L2},
	} {
		h := newFakeHost(t, device.MJPEG)
		h.buffers = same(4, a)
		times := map[uint32]time.Duration{}
		for i, b := range h.buffers {
			times[b.Sequence] = b.Time
			h.buffers[i].Time = c.shift(b.Time)
		}
		h.arrival = func(b device.Buffer) time.Duration { return times[b.Sequence] + c.arrival }
		src := h.source("", &drop.Counters{})
		got, err := h.play(src)
		if err != nil || len(got) != 4 {
			t.Fatalf("%s: %d frames, %v", name, len(got), err)
		}
		for i, f := range got {
			after := time.Duration(i) * 33 * time.Millisecond
			if f.PTS != after || !f.Captured.Equal(time.Unix(1_700_000_000, 0).Add(after+c.late)) {
				t.Errorf("%s: frame %d: PTS %v, captured %v", name, i, f.PTS, f.Captured)
			}
		}
		if s := src.(source.Clocked).ClockSource(); s != c.source {
			t.Errorf("%s: clock %s", name, s)
		}
	}
}

// TestPTSNeverGoesBack: not for frames in the wrong order, nor for a clock that jitters.
func TestPTSNeverGoesBack(t *testing.T) {
	a := sourcetest.JPEG(t, 64, 48)
	h := newFakeHost(t, device.MJPEG)
	h.buffers = same(300, a)
	for i := 10; i < 290; i += 10 {
		h.buffers[i], h.buffers[i+1] = h.buffers[i+1], h.buffers[i]
		h.buffers[i+5].Time -= 40 * time.Millisecond
	}
	drops := &drop.Counters{}
	got, err := h.play(h.source("", drops))
	if err != nil || len(got) != 300-28 {
		t.Fatalf("%d frames, %v", len(got), err)
	}
	for i, f := range got[1:] {
		if f.PTS <= got[i].PTS {
			t.Errorf("frame %d: %v after %v", i+1, f.PTS, got[i].PTS)
		}
	}
	counts(t, drops, map[drop.Reason]uint64{drop.Driver: 28})
}

// BenchmarkPassThrough is what a frame costs between the device and the publisher.
func BenchmarkPassThrough(b *testing.B) {
	for name, c := range map[string]struct {
		options string
		pixel   device.PixelFormat
		frames  [][]byte
	}{
		"mjpeg": {"", device.MJPEG, [][]byte{sourcetest.JPEG(b, 1280, 720)}},
		"h264":  {"format=h264", device.H264, accessUnits24(b)},
	} {
		b.Run(name, func(b *testing.B) {
			h := newFakeHost(b, c.pixel)
			sum := 0
			r := benchRun(b, h, c.options, func(f source.Frame) { sum += len(f.Data) })
			b.ReportAllocs()
			n := uint32(0)
			for b.Loop() {
				data := c.frames[int(n)%len(c.frames)]
				n++
				r.onBuffer(device.Buffer{Data: data, Sequence: n, Time: hour + time.Duration(n)*time.Millisecond})
			}
			if sum == 0 {
				b.Fatal("no frames")
			}
		})
	}
}

// benchRun opens the host's camera and returns the run, to be given buffers.
func benchRun(tb testing.TB, h *fakeHost, options string, sink source.Sink) *capture {
	tb.Helper()
	src := h.source(options, &drop.Counters{})
	s, ok := src.(*camera)
	if !ok {
		s = src.(h264Camera).camera
	}
	cam, err := s.open(func(error) {})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.close(cam) })
	h.clock = 2 * hour
	return s.newCapture(cam, h.clock, sink)
}

// TestPassThroughDoesNotAllocate: a Pi has better things to do.
func TestPassThroughDoesNotAllocate(t *testing.T) {
	for options, frames := range map[string][][]byte{"": {sourcetest.JPEG(t, 320, 240)}, "format=h264": accessUnits24(t)} {
		pixel := device.MJPEG
		if options != "" {
			pixel = device.H264
		}
		got, n := 0, uint32(0)
		r := benchRun(t, newFakeHost(t, pixel), options, func(source.Frame) { got++ })
		per := testing.AllocsPerRun(480, func() {
			data := frames[int(n)%len(frames)]
			n++
			r.onBuffer(device.Buffer{Data: data, Sequence: n, Time: hour + time.Duration(n)*time.Millisecond})
		})
		if per != 0 || got != 481 {
			t.Errorf("%q: %v allocations a frame, %d frames", options, per, got)
		}
	}
}
