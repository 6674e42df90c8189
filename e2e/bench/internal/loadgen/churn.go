//go:build linux

package loadgen

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Churn are viewers that come and go.
type Churn struct {
	Came, Refused, Pictured atomic.Int64
}

// Run connects perSecond viewers a second until ctx ends. Each disconnects after stay. It returns when all have.
func (c *Churn) Run(ctx context.Context, generator *Generator, v Viewer, perSecond int, stay time.Duration) {
	var running sync.WaitGroup
	defer running.Wait()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	began, n := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for due := int(time.Since(began).Seconds() * float64(perSecond)); n < due; n++ {
			running.Go(func() {
				// Without a deadline, the caller's included: one that is met while connecting looks like a refusal.
				viewing, cancel := context.WithCancel(context.WithoutCancel(ctx))
				defer context.AfterFunc(ctx, cancel)()
				defer time.AfterFunc(stay, cancel).Stop()
				defer cancel()
				c.Came.Add(1)
				seen, err := generator.Watch(viewing, v)
				if err != nil {
					c.Refused.Add(1)
				}
				if seen.Frames > 0 {
					c.Pictured.Add(1)
				}
			})
		}
	}
}
