package v4l2

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/agent/internal/source/splitter"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/status"
)

// wireUnits returns the access units of a fixture in wire form.
func wireUnits(tb testing.TB, name string) (units [][]byte) {
	tb.Helper()
	s := splitter.NewAnnexB(bytes.NewReader(sourcetest.ReadFile(tb, sourcetest.H264Dir+name)))
	var n h264.Normalizer
	for {
		au, err := s.Next()
		if errors.Is(err, io.EOF) {
			return units
		}
		if err != nil {
			tb.Fatal(err)
		}
		out, _, err := n.Normalize(nil, au)
		if err != nil {
			tb.Fatal(err)
		}
		units = append(units, bytes.Clone(out))
	}
}

// accessUnits24 are three GOPs of eight access units.
func accessUnits24(tb testing.TB) [][]byte { return wireUnits(tb, "slices.h264") }

func counts(t *testing.T, drops *drop.Counters, want map[drop.Reason]uint64) {
	t.Helper()
	drops.Each(func(r drop.Reason, n uint64) {
		if n != want[r] {
			t.Errorf("%d drops %s, want %d", n, r, want[r])
		}
	})
}

// TestJPEG: frames come through as they are, without padding, with the size and the time that are theirs.
func TestJPEG(t *testing.T) {
	a, b := sourcetest.JPEG(t, 64, 48), sourcetest.JPEG(t, 80, 48)
	h := newFakeHost(t, device.MJPEG)
	h.buffers = stream(a, b, slices.Concat(a, make([]byte, 100)), slices.Concat(b, []byte{0xff, 0xd8, 1, 2}), a)
	drops := &drop.Counters{}
	src := h.source("", drops)
	if got := src.(source.Clocked).ClockSource(); got != status.ClockArrival {
		t.Errorf("before the first frame the clock is %s", got)
	}
	got, err := h.play(src)
	if err != nil || len(got) != 5 {
		t.Fatalf("%d frames, %v", len(got), err)
	}
	for i, want := range [][]byte{a, b, a, b, a} {
		f := got[i]
		after := time.Duration(i) * 33 * time.Millisecond
		if !bytes.Equal(f.Data, want) || f.Key || f.Height != 48 || f.Width != 64+i%2*16 || f.Lost != 0 {
			t.Errorf("frame %d: %d bytes, want %d; %dx%d, lost %d", i, len(f.Data), len(want), f.Width, f.Height, f.Lost)
		}
		if f.PTS != after || !f.Captured.Equal(time.Unix(1_700_000_000, 0).Add(after)) {
			t.Errorf("frame %d: PTS %v, captured %v", i, f.PTS, f.Captured)
		}
	}
	counts(t, drops, nil)
	if src.(source.Clocked).ClockSource() != status.ClockV4L2 || src.(source.Warner).Warning() != "" {
		t.Errorf("clock %s, warning %q", src.(source.Clocked).ClockSource(), src.(source.Warner).Warning())
	}
}

// TestMissingTables: browsers cannot show a JPEG without Huffman tables.
func TestMissingTables(t *testing.T) {
	whole := sourcetest.JPEG(t, 64, 48)
	at := bytes.Index(whole, []byte{0xff, 0xc4})
	length := 2 + int(whole[at+2])<<8 + int(whole[at+3])
	bare := slices.Concat(whole[:at], whole[at+length:])
	h := newFakeHost(t, device.MJPEG)
	h.buffers = stream(bare, slices.Concat(bare, make([]byte, 50)), whole)
	got, err := h.play(h.source("", &drop.Counters{}))
	if err != nil || len(got) != 3 {
		t.Fatalf("%d frames, %v", len(got), err)
	}
	want, _ := jpeg.WithTables(nil, bare)
	for i, f := range got {
		if i < 2 && !bytes.Equal(f.Data, want) || i == 2 && !bytes.Equal(f.Data, whole) {
			t.Errorf("frame %d: %d bytes", i, len(f.Data))
		}
	}
}

// TestLosses: whatever does not arrive is counted once, by its reason, and is missing in the sequence.
func TestLosses(t *testing.T) {
	a := sourcetest.JPEG(t, 64, 48)
	h := newFakeHost(t, device.MJPEG)
	all := same(20, a)
	all[0].Data = a[:60]  // broken before the first frame: counted, but not a gap
	all[3].Data = a[:200] // cut off
	all[4].Broken = true  // by the driver's own word
	all[5].Data = nil     // empty
	all[6].Data = a[:100] // smaller than any JPEG
	all[10].Skipped = 2   // 8 and 9 were passed over
	all[16].Skipped = 1   // 15 was passed over, 14 lost in the driver
	h.buffers = slices.Concat(all[:8], all[10:12], all[13:14], all[16:])
	drops := &drop.Counters{}
	got, err := h.play(h.source("", drops))
	if err != nil {
		t.Fatal(err)
	}
	var numbers []time.Duration
	var lost []uint64
	for _, f := range got {
		numbers, lost = append(numbers, f.PTS/(33*time.Millisecond)+1), append(lost, f.Lost)
	}
	if !slices.Equal(numbers, []time.Duration{1, 2, 7, 10, 11, 13, 16, 17, 18, 19}) ||
		!slices.Equal(lost, []uint64{0, 0, 4, 2, 0, 1, 2, 0, 0, 0}) {
		t.Errorf("frames %d, lost %d", numbers, lost)
	}
	counts(t, drops, map[drop.Reason]uint64{drop.Decode: 5, drop.QueueHead: 3, drop.Driver: 2})
}

// TestH264: access units come through in order, byte by byte, beginning with a key frame.
func TestH264(t *testing.T) {
	units := accessUnits24(t)
	h := newFakeHost(t, device.H264)
	h.buffers = stream(units[5:]...)
	drops := &drop.Counters{}
	src := h.source("format=h264", drops)
	got, err := h.play(src)
	if err != nil || len(got) != 16 {
		t.Fatalf("%d frames, %v", len(got), err)
	}
	for i, f := range got {
		if !bytes.Equal(f.Data, units[8+i]) || f.Key != (i%8 == 0) || f.PTS != time.Duration(i)*33*time.Millisecond ||
			f.Width == 0 || f.Lost != 0 {
			t.Errorf("frame %d: %d bytes, want %d; key %v, %v", i, len(f.Data), len(units[8+i]), f.Key, f.PTS)
		}
	}
	counts(t, drops, map[drop.Reason]uint64{drop.NoKey: 3})
	if _, keys := h.log(); keys != 1 {
		t.Errorf("asked %d times for a key frame, want 1", keys)
	}
}

// TestH264Loss: what refers to a lost access unit is not shown, and a key frame is asked for.
func TestH264Loss(t *testing.T) {
	for name, spoil := range map[string]func(all []device.Buffer) []device.Buffer{
		"lost in the driver": func(all []device.Buffer) []device.Buffer { return slices.Delete(all, 3, 4) },
		"broken":             func(all []device.Buffer) []device.Buffer { all[3].Broken = true; return all },
		"cut in its NAL unit": func(all []device.Buffer) []device.Buffer {
			all[3].Data = []byte{0, 0, 0, 1, 0xe1,
				1}
			return all
		}, "overtaken": func(all []device.Buffer) []device.Buffer { all[3], all[4] = all[4], all[3]; return all },
	} {
		t.Run(name, func(t *testing.T) {
			units := accessUnits24(t)
			h := newFakeHost(t, device.H264)
			h.keyError = source.ErrNoControl // which is no reason to fail
			h.buffers = spoil(stream(units...))
			drops := &drop.Counters{}
			got, err := h.play(h.source("format=h264", drops))
			if err != nil || len(got) != 19 {
				t.Fatalf("%d frames, %v", len(got), err)
			}
			for i, want := range slices.Concat(units[:3], units[8:]) {
				if !bytes.Equal(got[i].Data, want) {
					t.Errorf("frame %d is another one", i)
				}
			}
			if got[3].Lost != 5 || got[4].Lost != 0 {
				t.Errorf("%d and %d frames lost in between, want 5 and 0", got[3].Lost, got[4].Lost)
			}
			reason := drop.Decode
			if name == "lost in the driver" || name == "overtaken" {
				reason = drop.Driver
			}
			counts(t, drops, map[drop.Reason]uint64{reason: 1, drop.Gap: 4})
			if _, keys := h.log(); keys != 1 {
				t.Errorf("asked %d times for a key frame, want 1", keys)
			}
		})
	}
}

// TestH264Framing: an encoder that frames otherwise, or sends parameter sets by themselves, is brought into wire form.
func TestH264Framing(t *testing.T) {
	units := accessUnits24(t)
	h := newFakeHost(t, device.H264)
	first := slices.Concat([]byte{0, 0, 0, 1, 9, 0x10}, units[0], make([]byte, 64)) // AUD, and padding
	var sets, rest []byte
	for nalu := range h264.NALUs(units[8]) {
		part := &rest
		if kind := nalu[0] & 0x1f; kind == 7 || kind == 8 {
			part = &sets
		}
		*part = append(append(*part, 0, 0, 0, 1), nalu...)
	}
	h.buffers = stream(first, units[1], sets, rest, units[9])
	drops := &drop.Counters{}
	got, err := h.play(h.source("format=h264", drops))
	if err != nil || len(got) != 4 {
		t.Fatalf("%d frames, %v", len(got), err)
	}
	for i, want := range [][]byte{units[0], units[1], units[8], units[9]} {
		if !bytes.Equal(got[i].Data, want) || got[i].Lost != 0 {
			t.Errorf("frame %d: %d bytes, want %d; lost %d", i, len(got[i].Data), len(want), got[i].Lost)
		}
	}
	counts(t, drops, nil)
}

func TestAsksAgainForAKeyFrame(t *testing.T) {
	units := accessUnits24(t)
	h := newFakeHost(t, device.H264)
	h.buffers = same(70, units[1])
	drops := &drop.Counters{}
	if got, err := h.play(h.source("format=h264", drops)); err != nil || len(got) > 0 {
		t.Fatalf("%d frames, %v", len(got), err)
	}
	if _, keys := h.log(); keys != 3 {
		t.Errorf("asked %d times in 70 frames, want 3", keys)
	}
	counts(t, drops, map[drop.Reason]uint64{drop.NoKey: 70})
}

func TestWarnsOfReorderedPictures(t *testing.T) {
	h := newFakeHost(t, device.H264)
	h.buffers = stream(wireUnits(t, "bframes.h264")...)
	src := h.source("format=h264", &drop.Counters{})
	if _, err := h.play(src); err != nil || src.(source.Warner).Warning() != source.ReorderWarning {
		t.Errorf("warning %q, %v", src.(source.Warner).Warning(), err)
	}
}

func TestRequestKeyFrame(t *testing.T) {
	h := newFakeHost(t, device.H264)
	h.buffers, h.keyError = stream(accessUnits24(t)...), source.ErrNoControl
	src := h.source("format=h264", &drop.Counters{})
	if err := src.(source.KeyFramer).RequestKeyFrame(); err != nil {
		t.Errorf("closed: %v", err)
	}
	h.before = func(i int) {
		if i == 4 {
			if err := src.(source.KeyFramer).RequestKeyFrame(); !errors.Is(err, source.ErrNoControl) {
				t.Errorf("open: %v", err)
			}
		}
	}
	if _, err := h.play(src); err != nil {
		t.Error(err)
	}
	if _, keys := h.log(); keys != 1 {
		t.Errorf("asked %d times, want 1", keys)
	}
}
