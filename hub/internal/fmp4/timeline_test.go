package fmp4_test

import (
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/fmp4"
)

// at is frame i of a camera with 25 fps.
func at(i int) fmp4.Frame {
	return fmp4.Frame{PTS: time.Duration(i) * interval, Epoch: 1, Duration: interval}
}

// TestJoin: the history has its own times, gaps included, so that the init segment can say where it ends.
func TestJoin(t *testing.T) {
	var times fmp4.Timeline
	frames := []int{0, 1, 2, 60, 61, 62, 63}
	for n, i := range frames {
		f := at(i)
		f.Preroll = n < 5
		if got := times.Next(f); got != uint64(i)*3600 {
			t.Errorf("frame %d: decode time %d, want %d", i, got, i*3600)
		}
	}
}

// TestSteps: what comes after a frame whose nominal duration is 3600 ticks.
func TestSteps(t *testing.T) {
	for name, c := range map[string]struct {
		next fmp4.Frame
		want uint64
	}{
		"regular":          {fmp4.Frame{PTS: time.Second + interval, Epoch: 1}, 3600},
		"jitter":           {fmp4.Frame{PTS: time.Second + 31*time.Millisecond, Epoch: 1}, 2790},
		"a frame left out": {fmp4.Frame{PTS: time.Second + 2*interval, Epoch: 1}, 7200},
		"same PTS":         {fmp4.Frame{PTS: time.Second, Epoch: 1}, 1},
		"PTS goes back":    {fmp4.Frame{PTS: 0, Epoch: 1}, 1},
		"outage":           {fmp4.Frame{PTS: 6 * time.Second, Epoch: 1}, 7200},
		"new epoch":        {fmp4.Frame{PTS: 0, Epoch: 2}, 3600},
		"new epoch, later": {fmp4.Frame{PTS: time.Hour, Epoch: 2}, 3600},
		"jump":             {fmp4.Frame{PTS: 4 * time.Second, Epoch: 1, Skipped: true, Preroll: true}, 3600},
	} {
		var times fmp4.Timeline
		times.Next(at(24))
		before := times.Next(at(25))
		if got := times.Next(c.next) - before; got != c.want {
			t.Errorf("%s: %d ticks later, want %d", name, got, c.want)
		}
	}
}

// TestJumpEndsLive: what lies between the key frame and the newest frame takes no time.
func TestJumpEndsLive(t *testing.T) {
	const key, edge = 100, 180
	var times fmp4.Timeline
	times.Next(at(0))
	var start uint64
	for i := key; i <= edge; i++ {
		f := at(i)
		f.Skipped, f.Preroll = i == key, i < edge
		decode := times.Next(f)
		if i == key {
			start = decode
		}
		if decode != start+uint64(i-key) {
			t.Fatalf("frame %d: %d ticks after the key frame, want %d", i, decode-start, i-key)
		}
	}
	if next := times.Next(at(edge + 1)); next != start+edge-key+3600 {
		t.Errorf("the first live frame comes %d ticks after the key frame", next-start)
	}
}

// TestNoDrift: a rate whose frame is no whole number of ticks, over a day.
func TestNoDrift(t *testing.T) {
	var times fmp4.Timeline
	var decode uint64
	const frames = 24 * 3600 * 30
	pts := func(i int) time.Duration { return time.Duration(i*1001*1000/30000) * time.Millisecond }
	for i := range frames {
		decode = times.Next(fmp4.Frame{PTS: pts(i), Epoch: 1, Duration: 33 * time.Millisecond})
	}
	if want := uint64(fmp4.Ticks(pts(frames - 1))); decode != want {
		t.Errorf("%d ticks, want %d", decode, want)
	}
}
