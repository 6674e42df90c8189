package file

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestPacerIsEven(t *testing.T) {
	for _, interval := range []time.Duration{time.Second / 240, time.Second / 30, 40 * time.Millisecond, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			p := newPacer(interval)
			defer p.stop()
			start := time.Now()
			for n := range time.Duration(1000) {
				pts, ok := p.wait(t.Context())
				if !ok || pts != n*interval || time.Since(start) != n*interval {
					t.Fatalf("frame %d: %v after %v, want %v", n, pts, time.Since(start), n*interval)
				}
				if n%3 == 0 { // the sink takes its time
					<-time.After(interval / 2)
				}
			}
		})
	}
}

// TestPacerCatchesUpALittle: after a hiccup the frames come faster until they are on time again; none is left out.
func TestPacerCatchesUpALittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(40 * time.Millisecond)
		defer p.stop()
		start := time.Now()
		p.wait(t.Context())
		<-time.After(maxLate)
		for n := 1; n < 20; n++ {
			pts, _ := p.wait(t.Context())
			if want := time.Duration(n) * 40 * time.Millisecond; pts != want || time.Since(start) != max(want, maxLate) {
				t.Errorf("frame %d: %v after %v", n, pts, time.Since(start))
			}
		}
	})
}

// TestPacerSkipsAfterASuspend: an hour's frames do not come in a burst, and the times stay those of the clock.
func TestPacerSkipsAfterASuspend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval = 40 * time.Millisecond
		p := newPacer(interval)
		defer p.stop()
		start := time.Now()
		p.wait(t.Context())
		<-time.After(time.Hour + 7*time.Millisecond)
		for want := time.Hour; want < time.Hour+10*interval; want += interval {
			pts, _ := p.wait(t.Context())
			if late := time.Since(start) - pts; pts != want || late != max(0, time.Hour+7*time.Millisecond-want) {
				t.Errorf("%v, %v late; want %v", pts, late, want)
			}
		}
	})
}

func TestPacerEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(time.Hour)
		defer p.stop()
		ctx, cancel := context.WithCancel(t.Context())
		p.wait(ctx)
		time.AfterFunc(time.Minute, cancel)
		start := time.Now()
		if _, ok := p.wait(ctx); ok || time.Since(start) != time.Minute {
			t.Errorf("ok %v after %v", ok, time.Since(start))
		}
	})
}
