package stream

import (
	"context"
	"errors"
	"time"

	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// ErrQuiet is returned by Cursor.Next when no frame came in the time given.
var ErrQuiet = errors.New("no frame in this time")

// Cursor is one viewer's place in a stream. It belongs to one goroutine.
//
// A JPEG cursor always takes the newest picture. An H.264 cursor starts at the newest key frame and reads in order; when it has fallen out of the ring,
// or lags by more than the live budget while a newer key frame is there, it jumps to that.
type Cursor struct {
	s       *Stream
	next    uint64 // index of the frame to take next, if started
	started bool
	edge    Edge
	timer   *time.Timer
	skipped uint64
}

// Edge is the newest frame at a cursor's last start or jump: what lies before it is history, sent to get the decoder there.
type Edge struct {
	Index uint64
	PTS   time.Duration
}

// Delivery is a frame for one viewer.
type Delivery struct {
	*Frame
	Edge    Edge
	Skipped uint64 // frames that this viewer missed just before this one
	History bool   // the frame only leads the decoder to the live edge
}

// NewCursor returns a cursor that begins at the newest picture or key frame.
func (s *Stream) NewCursor() *Cursor { return &Cursor{s: s} }

// Next returns the next frame for this viewer, waiting for it up to quiet: then the error is ErrQuiet. Other errors are ctx's, or the one that
// ended the stream.
func (c *Cursor) Next(ctx context.Context, quiet time.Duration) (Delivery, error) {
	armed := false
	for {
		if err := ctx.Err(); err != nil {
			return Delivery{}, err
		}
		d, arrived, err := c.poll()
		if err != nil {
			return Delivery{}, err
		}
		if d.Frame != nil {
			c.s.Out.Add(1)
			return d, nil
		}
		if !armed {
			c.arm(quiet)
			armed = true
		}
		select {
		case <-arrived:
		case <-c.timer.C:
			return Delivery{}, ErrQuiet
		case <-ctx.Done():
			return Delivery{}, ctx.Err()
		}
	}
}

// Skipped returns how many frames this viewer has missed so far.
func (c *Cursor) Skipped() uint64 { return c.skipped }

// Close releases the cursor's timer.
func (c *Cursor) Close() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

func (c *Cursor) arm(d time.Duration) {
	if c.timer == nil {
		c.timer = time.NewTimer(d)
		return
	}
	c.timer.Reset(d)
}

// poll returns a frame if there is one for this cursor, else the channel that will be closed when it should look again.
func (c *Cursor) poll() (Delivery, <-chan struct{}, error) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return Delivery{}, nil, s.ended
	}
	if len(s.frames) == 0 || c.started && c.next == s.next {
		return Delivery{}, s.arrived, nil
	}
	from := c.next
	if !c.positionLocked() {
		return Delivery{}, s.arrived, nil
	}
	f := s.frames[c.next-s.frames[0].Index]
	d := Delivery{Frame: f, Edge: c.edge, History: f.Index < c.edge.Index}
	if c.started {
		d.Skipped = c.next - from
		c.skipped += d.Skipped
		s.Drops.Add(drop.Lagged, d.Skipped)
	}
	c.started = true
	c.next++
	return d, nil, nil
}

// positionLocked moves the cursor to the frame it should take. It reports false if there is none yet.
func (c *Cursor) positionLocked() bool {
	s := c.s
	newest := s.frames[len(s.frames)-1]
	edge := Edge{newest.Index, newest.PTS}
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
