package stream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/wakeup"
	"github.com/bramble-cam/bramble/shared/drop"
)

// ErrTimeout is returned by Cursor.Next when no packet came in the time given.
var ErrTimeout = errors.New("no frame in this time")

// Cursor is one reader's place in a stream. Only one goroutine at a time may use it.
//
// A cursor starts at the newest key packet and reads in order. It jumps to the newest key packet if its next packet is
// no longer in the ring, or is older than the live budget. If every packet decodes alone, it always takes the newest.
type Cursor struct {
	s       *Stream
	next    uint64 // index of the packet to take next, if started
	started bool
	join    JoinPoint
	skipped uint64

	waiter  wakeup.Waiter
	waiting bool // guarded by Stream.mu: in Stream.waiting, and to be signaled when there may be a packet
}

// NewCursor returns a cursor that begins at the newest key packet. The caller must close it.
func (s *Stream) NewCursor() *Cursor { return &Cursor{s: s, waiter: wakeup.New()} }

// Next returns the next packet for this reader. If there is none yet, it waits. After timeout it returns ErrTimeout.
// Its other errors are that of ctx, and the one that ended the stream.
func (c *Cursor) Next(ctx context.Context, timeout time.Duration) (Delivery, error) {
	var deadline time.Time
	for {
		if err := ctx.Err(); err != nil {
			return Delivery{}, err
		}
		d, err := c.TryNext(c.waitLocked)
		if d.Packet != nil || err != nil {
			return d, err
		}
		if err := c.wait(ctx, &deadline, timeout); err != nil {
			return Delivery{}, err
		}
	}
}

// WaitReady blocks until Next would return a packet. Its errors are those of Next. A caller that needs credit before it
// may send can wait for credit after WaitReady. Next then returns the packet that is newest at that time.
func (c *Cursor) WaitReady(ctx context.Context, timeout time.Duration) error {
	var deadline time.Time
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if ready, err := c.ready(); ready || err != nil {
			return err
		}
		if err := c.wait(ctx, &deadline, timeout); err != nil {
			return err
		}
	}
}

// wait returns when the cursor should look again. At the deadline it returns ErrTimeout. A zero deadline is set to
// timeout from now.
func (c *Cursor) wait(ctx context.Context, deadline *time.Time, timeout time.Duration) error {
	now := time.Now()
	if deadline.IsZero() {
		*deadline = now.Add(timeout)
	}
	if !now.Before(*deadline) {
		return ErrTimeout
	}
	c.waiter.WatchContext(ctx)
	c.waiter.Wait(now, *deadline)
	return nil
}

// Skipped returns how many packets this reader has missed so far.
func (c *Cursor) Skipped() uint64 { return c.skipped }

// Close releases the cursor's timer and its place among those that wait.
func (c *Cursor) Close() {
	c.waiter.Stop()
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.waiting {
		c.waiting = false
		s.waiting = slices.DeleteFunc(s.waiting, func(other *Cursor) bool { return other == c })
	}
}

// TryNext returns the next packet for this reader, and does not wait. If there is none, the delivery is empty and
// TryNext calls none, which may be nil. The stream is locked during that call, so no packet can come before none
// returns.
func (c *Cursor) TryNext(none func()) (Delivery, error) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return Delivery{}, s.ended
	}
	from := c.next
	if !c.positionLocked() {
		if none != nil {
			none()
		}
		return Delivery{}, nil
	}
	p := s.packets[c.next-s.packets[0].Index]
	d := Delivery{Packet: p, JoinPoint: c.join, Preroll: p.Index < c.join.Index}
	if c.started {
		d.Skipped = c.next - from
		c.skipped += d.Skipped
		s.Drops.Add(drop.Lagged, d.Skipped)
	}
	c.started = true
	c.next++
	s.FramesOut.Add(1)
	s.BytesOut.Add(uint64(len(p.Payload)))
	return d, nil
}

// ready reports whether TryNext would return a packet. If not, the next packet signals the cursor.
func (c *Cursor) ready() (bool, error) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return false, s.ended
	}
	next, join := c.next, c.join
	ok := c.positionLocked()
	c.next, c.join = next, join // a jump is counted when the packet is taken
	if !ok {
		c.waitLocked()
	}
	return ok, nil
}

// waitLocked makes the next packet signal the cursor.
func (c *Cursor) waitLocked() {
	if !c.waiting {
		c.waiting = true
		c.s.waiting = append(c.s.waiting, c)
	}
}

// positionLocked moves the cursor to the packet it should take. It reports false if there is none yet.
func (c *Cursor) positionLocked() bool {
	s := c.s
	if len(s.packets) == 0 || c.started && c.next == s.next {
		return false
	}
	first := s.packets[0].Index
	if c.started && c.next >= first {
		if !s.hasKey || s.lastKey <= c.next {
			return true
		}
		if !s.intraOnly() && time.Since(s.packets[c.next-first].Arrived) <= s.cfg.LiveBudget {
			return true
		}
	}
	if !s.hasKey {
		return false
	}
	newest := s.packets[len(s.packets)-1]
	c.next, c.join = s.lastKey, JoinPoint{newest.Index, newest.PTS}
	return true
}
