package file

import (
	"context"
	"time"
)

// maxLate is how far a pacer may fall behind before it gives up catching up: a suspended machine must not play a burst.
const maxLate = 250 * time.Millisecond

// pacer spaces frames evenly. Their times are exact multiples of the interval, so that the rate seen downstream is
// the rate asked for.
type pacer struct {
	interval time.Duration
	timer    *time.Timer
	start    time.Time
	n        int64 // index of the next frame
}

func newPacer(interval time.Duration) *pacer {
	return &pacer{interval: interval, timer: time.NewTimer(0)}
}

// wait returns when the next frame is due, with its time since the first one; ok is false if ctx ended first.
func (p *pacer) wait(ctx context.Context) (pts time.Duration, ok bool) {
	now := time.Now()
	if p.start.IsZero() {
		p.start = now
	}
	due := p.start.Add(time.Duration(p.n) * p.interval)
	if late := now.Sub(due); late > maxLate {
		p.n += int64(late / p.interval)
		due = p.start.Add(time.Duration(p.n) * p.interval)
	}
	pts = time.Duration(p.n) * p.interval
	p.n++
	p.timer.Reset(due.Sub(now))
	select {
	case <-ctx.Done():
		return 0, false
	case <-p.timer.C:
		return pts, true
	}
}

func (p *pacer) stop() { p.timer.Stop() }
