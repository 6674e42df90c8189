package ratemeter

import (
	"math"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	for _, fps := range []int{1, 5, 25, 60} {
		var m Meter
		now := time.Unix(1000, 0)
		for n := range 10 * fps {
			m.Add(now.Add(time.Duration(n)*time.Second/time.Duration(fps)), 1000)
			if got, _ := m.Get(); n < fps && got != 0 {
				t.Fatalf("%d fps: %v is said after %d frames: too early", fps, got, n)
			}
		}
		gotFPS, gotBPS := m.Get()
		if math.Abs(gotFPS-float64(fps)) > 0.01*float64(fps) || math.Abs(gotBPS-8000*float64(fps)) > 80*float64(fps) {
			t.Errorf("%d fps with 1000 bytes each: %v fps, %v bit/s", fps, gotFPS, gotBPS)
		}
	}
}

// TestMeterFollows: a change shows within two windows.
func TestMeterFollows(t *testing.T) {
	var m Meter
	now := time.Unix(1000, 0)
	for range 100 {
		m.Add(now, 1000)
		now = now.Add(40 * time.Millisecond)
	}
	for range 20 {
		m.Add(now, 500)
		now = now.Add(200 * time.Millisecond)
	}
	if fps, bps := m.Get(); math.Abs(fps-5) > 0.1 || math.Abs(bps-20_000) > 400 {
		t.Errorf("%v fps, %v bit/s; want 5 and 20000", fps, bps)
	}
}
