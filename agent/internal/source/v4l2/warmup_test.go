package v4l2

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/shared/drop"
)

// brightness of successive frames as cameras settle, made up after the way their control loops work.
func levels(n int, f func(i int) int) (list []int) {
	for i := range n {
		list = append(list, f(i))
	}
	return list
}

func TestWarmup(t *testing.T) {
	const ms = time.Millisecond
	ramp := func(i int) int { return 40_000 + min(i, 12)*6000 }                // a step a frame
	stairs := func(i int) int { return 40_000 + min(i/4, 4)*12_000 + i%2*400 } // a step each four frames, with noise
	for name, c := range map[string]struct {
		levels   []int
		interval time.Duration
		length   time.Duration
		late     time.Duration // from the opening to the first frame
		want     int           // index of the first frame that is shown
	}{
		"steady from the start": {levels(40, func(i int) int { return 50_000 + i%3*500 }), 33 * ms, 500 * ms, 100 * ms,
			7}, "a ramp, then steady": {levels(60, ramp), 33 * ms, 900 * ms, 100 * ms, 19},
		"stairs, never four alike": {levels(60, stairs), 33 * ms, 900 * ms, 100 * ms, 23},
		"never steady": {levels(60, func(i int) int { return 40_000 + i%2*9000 }), 33 * ms,
			500 * ms, 100 * ms, 16}, "black: cannot be judged": {levels(60, func(int) int { return 0 }), 33 * ms,
			500 * ms, 100 * ms, 16},
		"black at first": {append(make([]int, 5), levels(60, func(int) int { return 50_000 })...), 33 * ms,
			500 * ms, 100 * ms, 12}, "few frames a second": {levels(60, func(int) int { return 50_000 }), 200 * ms,
			500 * ms, 100 * ms, 3},
		"a frame each two seconds": {levels(60, func(int) int { return 50_000 }), 2000 * ms, 500 * ms, 1500 * ms, 0},
		"a camera that starts slowly": {levels(60, func(i int) int { return 40_000 + i%2*9000 }), 33 * ms,
			500 * ms, 1000 * ms, 7}, "longer because it was wanted": {levels(90, func(i int) int { return 40_000 + i%2*9000 }),
			33 * ms, 2000 * ms, 100 * ms, 58},
		"none": {levels(60, func(int) int { return 0 }), 33 * ms, 0, 100 * ms, 0},
	} {
		w := newWarmup(c.length, hour)
		for i, l := range c.levels {
			over := w.over(hour+c.late+time.Duration(i)*c.interval, func() int { return l })
			if over != (i >= c.want) {
				t.Errorf("%s: over %v at frame %d, want it at %d", name, over, i, c.want)
				break
			}
		}
	}
}

// TestWarmupFramesAreDropped: frames before the exposure has settled are counted as dropped. They are
// not published and leave no gap.
func TestWarmupFramesAreDropped(t *testing.T) {
	a := sourcetest.JPEG(t, 320, 240)
	for name, want := range map[string]struct {
		options string
		dropped uint64
	}{
		"by default, until it is steady": {"/dev/video0", 10},
		"off":                            {"/dev/video0#warmup=0s", 0},
		"shorter":                        {"/dev/video0#warmup=100ms", 4},
	} {
		h := newFakeHost(t, device.MJPEG)
		h.buffers = same(40, a)
		h.buffers[2].Data = a[:300]
		drops := &drop.Counters{}
		src, err := h.parse(want.options, drops)
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.play(src)
		if err != nil || drops.Get(drop.Warmup) != want.dropped || uint64(len(got))+want.dropped+
			drops.Get(drop.Decode) != 40 || got[0].PTS != 0 || got[0].Lost != 0 {
			t.Errorf("%s: %d frames, first %+v, drops %v, %v", name, len(got), got[0].PTS, drops.Map(), err)
		}
	}
}

// TestWarmupH264: there is none by default; if it is wanted, parameter sets that come in it are kept, and it is a key
// frame that ends the wait.
func TestWarmupH264(t *testing.T) {
	units := accessUnits24(t)
	h := newFakeHost(t, device.H264)
	h.buffers = stream(units...)
	drops := &drop.Counters{}
	src, err := h.parse("/dev/video0#format=h264", drops)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.play(src); err != nil || len(got) != 24 || len(drops.Map()) > 0 {
		t.Errorf("%d frames, drops %v, %v", len(got), drops.Map(), err)
	}

	bare := units[8] // an encoder that sends its parameter sets once
	at := bytes.Index(bare, []byte{0, 0, 0, 1, 0x65})
	h = newFakeHost(t, device.H264)
	h.buffers = stream(slices.Concat(units[:8], [][]byte{bare[at:]}, units[9:16])...)
	if src, err = h.parse("/dev/video0#format=h264&warmup=150ms", drops); err != nil {
		t.Fatal(err)
	}
	got, err := h.play(src)
	if err != nil || len(got) != 8 || !bytes.Equal(got[0].Data, units[8]) || got[0].PTS != 0 {
		t.Fatalf("%d frames, %v", len(got), err)
	}
	counts(t, drops, map[drop.Reason]uint64{drop.Warmup: 5, drop.NoKey: 3})
	if _, keys := h.log(); keys != 1 {
		t.Errorf("asked %d times for a key frame, want 1", keys)
	}
}
