package fanout

import (
	"context"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/wakeup"
)

// Reader is a cursor that the workers of its group may serve while its owner sleeps in Deliver. The owner is one
// goroutine. Close it.
type Reader struct {
	*stream.Cursor

	group   *Group
	waiter  wakeup.Waiter
	ctx     context.Context
	deliver func(stream.Delivery) bool // does not change while the reader is parked
	handoff handoff                    // guarded by Group.mu
}

// handoff is the state of a reader between its owner and the workers.
type handoff struct {
	parked       bool      // its owner sleeps in Deliver
	busy         bool      // a worker serves it
	ownerWaiting bool      // for that worker
	needsOwner   bool      // deliver has returned false
	listed       bool      // in Group.parked, or in a batch that has not come to it yet
	batch        *batch    // that its owner is to work on before anything else, or is working on
	lastArrival  time.Time // when the last packet that it was given had arrived
}

// NewReader returns a reader that begins at the newest key packet.
func (g *Group) NewReader() *Reader {
	return &Reader{Cursor: g.stream.NewCursor(), group: g, waiter: wakeup.New()}
}

// Close releases what the reader has set in motion.
func (r *Reader) Close() {
	r.waiter.Stop()
	r.Cursor.Close()
	g := r.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.handoff.listed { // if it is not there, it is in a batch, which leaves it alone
		g.parked = slices.DeleteFunc(g.parked, func(other *Reader) bool { return other == r })
	}
}

// Deliver hands packets to deliver, in the order of Next, until deliver returns false: then the error is nil. The other
// errors are those of Next. The timeout counts from the last packet.
//
// deliver must not block. Another reader's goroutine may call it, but never two at once, and never after Deliver has
// returned.
func (r *Reader) Deliver(ctx context.Context, timeout time.Duration, deliver func(stream.Delivery) bool) error {
	r.waiter.WatchContext(ctx)
	r.ctx, r.deliver = ctx, deliver
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch d, err := r.TryNext(r.park); {
		case err != nil:
			return err
		case d.Packet != nil:
			if !deliver(d) {
				return nil
			}
		default:
			if needed, err := r.sleep(ctx, timeout); needed || err != nil {
				return err
			}
		}
	}
}

// park hands the reader to the workers. The stream is locked.
func (r *Reader) park() {
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	h := &r.handoff
	h.parked, h.busy, h.needsOwner, h.lastArrival = true, false, false, time.Time{}
	r.listLocked()
}

// listLocked has the next batch serve the reader.
func (r *Reader) listLocked() {
	if !r.handoff.listed {
		r.handoff.listed = true
		r.group.parked = append(r.group.parked, r)
	}
}

// sleep returns when the reader, which is parked, is its owner's again: because deliver needs the owner, or because the
// stream has ended, or with an error of Deliver.
func (r *Reader) sleep(ctx context.Context, timeout time.Duration) (needsOwner bool, err error) {
	now := time.Now()
	deadline := now.Add(timeout)
	for wait := timeout > 0; ; {
		if wait {
			r.waiter.Wait(now, deadline)
			now = time.Now()
		}
		wait = true
		h := r.unpark(ctx.Err() != nil || !now.Before(deadline), now.Add(-timeout))
		switch {
		case h.batch != nil:
			r.runWorker(h.batch)
			now, wait = time.Now(), false // it may have been signaled for something else meanwhile
		case h.parked:
			if d := h.lastArrival.Add(timeout); d.After(deadline) {
				deadline = d
			}
		case h.needsOwner:
			return true, nil
		case ctx.Err() != nil:
			return false, ctx.Err()
		case !now.Before(deadline):
			return false, stream.ErrTimeout
		default:
			return false, nil // the stream has ended
		}
	}
}

// unpark reports the reader's state. If force is set it takes the reader back, unless a worker is using it, which then
// signals, or a packet was delivered after oldest. A batch to work on takes precedence.
func (r *Reader) unpark(force bool, oldest time.Time) handoff {
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	h := &r.handoff
	switch {
	case h.batch != nil:
		return handoff{batch: h.batch}
	case !h.parked:
	case h.busy:
		h.ownerWaiting = force
		return handoff{parked: true} // the rest belongs to the worker
	case force && (r.ctx.Err() != nil || !h.lastArrival.After(oldest)):
		h.parked, h.needsOwner = false, false
	}
	return *h
}

// claim reports whether the reader is still parked, for a worker that has come to it.
func (r *Reader) claim() bool {
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	h := &r.handoff
	h.listed, h.busy = false, h.parked
	return h.busy
}

// serve hands the reader's packets to deliver until there are no more.
func (r *Reader) serve() {
	if !r.claim() {
		return
	}
	for {
		d, err := r.TryNext(r.parkAgain)
		switch {
		case err != nil:
			r.releaseToOwner(false)
			return
		case d.Packet == nil:
			return
		case !r.deliver(d):
			r.releaseToOwner(true)
			return
		}
		r.handoff.lastArrival = d.Arrived // read by nobody else while busy is set
	}
}

// parkAgain ends a worker's use of the reader, which stays parked. The stream is locked.
func (r *Reader) parkAgain() {
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	h := &r.handoff
	h.busy = false
	if h.ownerWaiting {
		h.ownerWaiting = false
		r.waiter.Signal()
	}
	r.listLocked()
}

// releaseToOwner gives the reader back and wakes its owner.
func (r *Reader) releaseToOwner(needsOwner bool) {
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	h := &r.handoff
	h.parked, h.busy, h.ownerWaiting, h.needsOwner = false, false, false, needsOwner
	r.waiter.Signal()
}
