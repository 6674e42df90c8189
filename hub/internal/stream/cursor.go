package stream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// ErrTimeout is returned by Cursor.Next when no frame came in the time given.
var ErrTimeout = errors.New("no frame in this time")

// Cursor is one viewer's place in a stream. It belongs to one goroutine, which lends it to the stream's rounds while it waits in Follow.
//
// A JPEG cursor always takes the newest picture. An H.264 cursor starts at the newest key frame and reads in order; when it has fallen out of the ring,
// or lags by more than the live budget while a newer key frame is there, it jumps to that.
type Cursor struct {
	s       *Stream
	next    uint64 // index of the frame to take next, if started
	started bool
	edge    JoinPoint
	skipped uint64

	// Whatever a cursor waits for pokes the one channel: a select over several costs more than all the rest of a wake-up.
	wake    chan struct{} // holds a token when the cursor should look again
	alarm   *time.Timer   // pokes wake; set anew once in a while, not for every frame
	alarmAt time.Time
	ctx     context.Context // whose end pokes wake
	forget  func() bool     // undoes that

	waiting bool // guarded by Stream.mu: in Stream.waiting, and to be poked when there may be a frame
	loan    loan // to the stream's rounds
}

// JoinPoint is the newest frame at a cursor's last start or jump: what lies before it is history, sent to get the decoder there.
type JoinPoint struct {
	Index uint64
	PTS   time.Duration
}

// Delivery is a frame for one viewer.
type Delivery struct {
	*Packet
	JoinPoint JoinPoint
	Skipped   uint64 // frames that this viewer missed just before this one
	Preroll   bool   // the frame only leads the decoder to the live edge
}

// NewCursor returns a cursor that begins at the newest picture or key frame. Close it.
func (s *Stream) NewCursor() *Cursor { return &Cursor{s: s, wake: make(chan struct{}, 1)} }

// Next returns the next frame for this viewer, waiting for it up to quiet: then the error is ErrTimeout. Other errors are ctx's, or the one that
// ended the stream.
func (c *Cursor) Next(ctx context.Context, quiet time.Duration) (Delivery, error) {
	c.listen(ctx)
	var deadline time.Time
	for {
		if err := ctx.Err(); err != nil {
			return Delivery{}, err
		}
		d, err := c.poll(c.waitLocked)
		if d.Packet != nil || err != nil {
			return d, err
		}
		if err := c.rest(&deadline, quiet); err != nil {
			return Delivery{}, err
		}
	}
}

// WaitReady waits like Next until there is a frame for this viewer, and does not take it. Who must wait for something else before a frame can be sent takes it after that, and so gets
// the newest.
func (c *Cursor) WaitReady(ctx context.Context, quiet time.Duration) error {
	c.listen(ctx)
	var deadline time.Time
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if ready, err := c.ready(); ready || err != nil {
			return err
		}
		if err := c.rest(&deadline, quiet); err != nil {
			return err
		}
	}
}

// rest returns when the cursor should look again, or ErrTimeout at the deadline, which it sets to quiet from now if it is zero.
func (c *Cursor) rest(deadline *time.Time, quiet time.Duration) error {
	now := time.Now()
	if deadline.IsZero() {
		*deadline = now.Add(quiet)
	}
	if !now.Before(*deadline) {
		return ErrTimeout
	}
	c.alert(now, *deadline)
	<-c.wake
	return nil
}

// listen has the end of ctx wake the cursor. A viewer has one context for all its frames.
func (c *Cursor) listen(ctx context.Context) {
	if c.ctx == ctx {
		return
	}
	if c.forget != nil {
		c.forget()
	}
	c.ctx, c.forget = ctx, context.AfterFunc(ctx, c.poke)
}

// alert sees to it that the cursor is woken at the deadline, or earlier: an alarm that is still to come need not be set anew.
func (c *Cursor) alert(now, deadline time.Time) {
	if c.alarmAt.After(now) && !c.alarmAt.After(deadline) {
		return
	}
	c.alarmAt = deadline
	if c.alarm == nil {
		c.alarm = time.AfterFunc(deadline.Sub(now), c.poke)
		return
	}
	c.alarm.Reset(deadline.Sub(now))
}

func (c *Cursor) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Skipped returns how many frames this viewer has missed so far.
func (c *Cursor) Skipped() uint64 { return c.skipped }

// Close releases what the cursor has set in motion.
func (c *Cursor) Close() {
	if c.alarm != nil {
		c.alarm.Stop()
	}
	if c.forget != nil {
		c.forget()
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	same := func(other *Cursor) bool { return other == c }
	if c.waiting {
		c.waiting = false
		s.waiting = slices.DeleteFunc(s.waiting, same)
	}
	if c.loan.listed { // if not there, then in a round, which leaves it alone
		s.following = slices.DeleteFunc(s.following, same)
	}
}

// poll returns a frame if there is one for this cursor. If not, it calls none with the stream locked.
func (c *Cursor) poll(none func()) (Delivery, error) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return Delivery{}, s.ended
	}
	from := c.next
	if len(s.frames) == 0 || c.started && c.next == s.next || !c.positionLocked() {
		none()
		return Delivery{}, nil
	}
	f := s.frames[c.next-s.frames[0].Index]
	d := Delivery{Packet: f, JoinPoint: c.edge, Preroll: f.Index < c.edge.Index}
	if c.started {
		d.Skipped = c.next - from
		c.skipped += d.Skipped
		s.Drops.Add(drop.Lagged, d.Skipped)
	}
	c.started = true
	c.next++
	s.FramesOut.Add(1)
	s.BytesOut.Add(uint64(len(f.Payload)))
	return d, nil
}

// ready reports whether poll would return a frame. If not, the cursor is poked when it should look again.
func (c *Cursor) ready() (bool, error) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return false, s.ended
	}
	next, edge := c.next, c.edge
	ok := len(s.frames) > 0 && (!c.started || c.next != s.next) && c.positionLocked()
	c.next, c.edge = next, edge // a jump is counted when the frame is taken
	if !ok {
		c.waitLocked()
	}
	return ok, nil
}

// waitLocked has the cursor poked when it should look again.
func (c *Cursor) waitLocked() {
	if !c.waiting {
		c.waiting = true
		c.s.waiting = append(c.s.waiting, c)
	}
}

// positionLocked moves the cursor to the frame it should take. It reports false if there is none yet.
func (c *Cursor) positionLocked() bool {
	s := c.s
	newest := s.frames[len(s.frames)-1]
	edge := JoinPoint{newest.Index, newest.PTS}
	if s.cfg.Format == frame.JPEG {
		c.next, c.edge = newest.Index, edge
		return true
	}
	first := s.frames[0].Index
	if c.started && c.next >= first {
		f := s.frames[c.next-first]
		if !s.hasKey || s.lastKey <= c.next || time.Since(f.Arrived) <= s.cfg.LiveBudget {
			return true
		}
	}
	if !s.hasKey {
		return false
	}
	c.next, c.edge = s.lastKey, edge
	return true
}
