// Package wakeup lets a goroutine wait for several things by one channel. A select over several channels costs more
// than the rest of a wake-up.
package wakeup

import (
	"context"
	"time"
)

// Waiter wakes one goroutine, its owner. Only the owner may call its methods, except Signal, which every goroutine may
// call.
type Waiter struct {
	wake    chan struct{} // holds a token when the goroutine should look again
	timer   *time.Timer   // signals; not every wait sets it
	timerAt time.Time
	ctx     context.Context // its end signals
	unwatch func() bool     // undoes that
}

// New returns a Waiter. Stop it.
func New() Waiter { return Waiter{wake: make(chan struct{}, 1)} }

// Signal makes the current Wait return, or the next one.
func (w *Waiter) Signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// WatchContext makes the end of ctx a signal. It replaces the context of an earlier call.
func (w *Waiter) WatchContext(ctx context.Context) {
	if w.ctx == ctx {
		return
	}
	if w.unwatch != nil {
		w.unwatch()
	}
	w.ctx, w.unwatch = ctx, context.AfterFunc(ctx, w.Signal)
}

// Wait returns at a signal or at the deadline. It may return earlier, so callers must check what they wait for.
func (w *Waiter) Wait(now, deadline time.Time) {
	w.armTimer(now, deadline)
	<-w.wake
}

// armTimer arranges a signal at the deadline or earlier. A timer that fires before the deadline is left alone: setting
// it costs more than an early signal.
func (w *Waiter) armTimer(now, deadline time.Time) {
	if w.timerAt.After(now) && !w.timerAt.After(deadline) {
		return
	}
	w.timerAt = deadline
	if w.timer == nil {
		w.timer = time.AfterFunc(deadline.Sub(now), w.Signal)
		return
	}
	w.timer.Reset(deadline.Sub(now))
}

// Stop releases the timer and the context.
func (w *Waiter) Stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.unwatch != nil {
		w.unwatch()
	}
}
