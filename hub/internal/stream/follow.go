package stream

import (
	"context"
	"time"
)

// loan is a cursor's side of being lent. All of it is guarded by Stream.mu, but for take, which does not change while the cursor is lent.
type loan struct {
	take   func(Delivery) bool
	parked bool      // lent by its goroutine, which sleeps
	served bool      // a round is at work on it
	wanted bool      // its goroutine waits for that round
	full   bool      // take said that its goroutine is needed
	listed bool      // in Stream.following, or in a round that has not come to it yet
	round  *round    // that its goroutine is to work at before anything else, or is working at
	fed    time.Time // when the last frame that it was given had arrived
}

// Deliver hands frames to take, in the order of Next, until take returns false: then the error is nil. The other ends are those of Next; quiet is counted
// from the last frame.
//
// A viewer that keeps up needs no goroutine to run for every frame, which costs more than all the rest beside the kernel's copy: while there is nothing for it
// the cursor is lent to the stream. A frame wakes the goroutines of a few cursors, one for each processor at the most, and those serve all the others in a round. So
// take may be called by another cursor's goroutine, though never by two at once and never when Deliver has returned, and it must not block.
func (c *Cursor) Deliver(ctx context.Context, quiet time.Duration, take func(Delivery) bool) error {
	c.listen(ctx)
	c.loan.take = take
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch d, err := c.poll(c.lendLocked); {
		case err != nil:
			return err
		case d.Packet != nil:
			if !take(d) {
				return nil
			}
		default:
			if full, err := c.sleep(ctx, quiet); full || err != nil {
				return err
			}
		}
	}
}

func (c *Cursor) lendLocked() {
	l := &c.loan
	l.parked, l.served, l.full, l.fed = true, false, false, time.Time{}
	c.listLocked()
}

// listLocked has the next round serve the cursor.
func (c *Cursor) listLocked() {
	if !c.loan.listed {
		c.loan.listed = true
		c.s.following = append(c.s.following, c)
	}
}

// sleep returns when the cursor, which is lent, is back: because take needs the cursor's goroutine, or the stream has ended, or with an error of Follow.
func (c *Cursor) sleep(ctx context.Context, quiet time.Duration) (full bool, err error) {
	now := time.Now()
	deadline := now.Add(quiet)
	for wait := quiet > 0; ; {
		if wait {
			c.alert(now, deadline)
			<-c.wake
			now = time.Now()
		}
		wait = true
		l := c.reclaim(ctx.Err() != nil || !now.Before(deadline), now.Add(-quiet))
		switch {
		case l.round != nil:
			c.work(l.round)
			now, wait = time.Now(), false // it may have been poked for something else meanwhile
		case l.parked:
			if d := l.fed.Add(quiet); d.After(deadline) {
				deadline = d
			}
		case l.full:
			return true, nil
		case ctx.Err() != nil:
			return false, ctx.Err()
		case !now.Before(deadline):
			return false, ErrTimeout
		default:
			return false, nil // the stream has ended
		}
	}
}

// reclaim returns the state of the loan. The cursor is back, that is not parked, if a round has given it back, and if leave is set, unless a round is at work
// on it, which then pokes it, or has served it since oldest. First of all there may be a round to work at.
func (c *Cursor) reclaim(leave bool, oldest time.Time) loan {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	l := &c.loan
	switch {
	case l.round != nil:
		return loan{round: l.round}
	case !l.parked:
	case l.served:
		l.wanted = leave
		return loan{parked: true} // the rest belongs to the round
	case leave && (c.ctx.Err() != nil || !l.fed.After(oldest)):
		l.parked, l.full = false, false
	}
	return *l
}

// borrow reports whether the cursor is still lent, to a round that has come to it.
func (c *Cursor) borrow() bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	l := &c.loan
	l.listed, l.served = false, l.parked
	return l.served
}

// serve hands the cursor's frames to its viewer until there are no more.
func (c *Cursor) serve() {
	if !c.borrow() {
		return
	}
	for {
		d, err := c.poll(c.listAgainLocked)
		switch {
		case err != nil:
			c.giveBack(false)
			return
		case d.Packet == nil:
			return
		case !c.loan.take(d):
			c.giveBack(true)
			return
		}
		c.loan.fed = d.Arrived // nobody looks at it while served is set
	}
}

// listAgainLocked ends a round's work on the cursor, which stays lent.
func (c *Cursor) listAgainLocked() {
	c.loan.served = false
	if c.loan.wanted {
		c.loan.wanted = false
		c.poke()
	}
	c.listLocked()
}

// giveBack ends the loan and wakes the cursor's goroutine.
func (c *Cursor) giveBack(full bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	l := &c.loan
	l.parked, l.served, l.wanted, l.full = false, false, false, full
	c.poke()
}
