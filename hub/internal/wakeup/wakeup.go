// Package wakeup lets a goroutine wait for any of several things by one channel: a select over several costs more than
// all the rest of a wake-up.
package wakeup

import (
	"context"
	"time"
)

// Waiter wakes one goroutine, which owns it. Signal may be called by any.
type Waiter struct {
	wake    chan struct{} // holds a token when the goroutine should look again
	timer   *time.Timer   // signals; set anew once in a while, not for every wait
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

// WatchContext makes the end of ctx a signal, instead of that of an earlier context.
func (w *Waiter) WatchContext(ctx context.Context) {
	if w.ctx == ctx {
		return
	}
	if w.unwatch != nil {
		w.unwatch()
	}
	w.ctx, w.unwatch = ctx, context.AfterFunc(ctx, w.Signal)
}

// Wait returns at a signal, or at the deadline. It may return earlier too: look at what is waited for.
func (w *Waiter) Wait(now, deadline time.Time) {
	w.armTimer(now, deadline)
	<-w.wake
}

// armTimer sees to a signal at the deadline or earlier: a timer that is still to fire need not be set anew.
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
