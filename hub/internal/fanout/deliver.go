package fanout

import (
	"context"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/wakeup"
)

// Reader is a cursor that workers of its group may serve while its owner sleeps in Deliver. Its owner is one goroutine,
// which must close it. Only the owner may call its methods.
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
	busy         bool      // a worker serves it, and alone may use the cursor
	ownerWaiting bool      // the owner waits until that worker is done
	needsOwner   bool      // deliver has returned false
	listed       bool      // in Group.parked, or in a batch that has not reached it yet
	batch        *batch    // the owner must work on it before anything else, or is working on it
	lastArrival  time.Time // when the last packet that it was given had arrived
}

// NewReader returns a reader that begins at the newest key packet. The caller becomes its owner.
func (g *Group) NewReader() *Reader {
	return &Reader{Cursor: g.stream.NewCursor(), group: g, waiter: wakeup.New()}
}

// Close releases the reader. It must not be called during Deliver.
func (r *Reader) Close() {
	r.waiter.Stop()
	r.Cursor.Close()
	g := r.group
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.handoff.listed { // else it is in a batch, which skips readers that are not parked
		g.parked = slices.DeleteFunc(g.parked, func(other *Reader) bool { return other == r })
	}
}

// Deliver calls deliver with each packet, in the order of Next. When deliver returns false, Deliver returns nil. Its
// errors are those of Next. The timeout counts from the last packet.
//
// deliver must not block. Another reader's goroutine may call it. There is never more than one call at a time, and none
// after Deliver has returned.
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

// listLocked makes the next batch serve the reader.
func (r *Reader) listLocked() {
	if !r.handoff.listed {
		r.handoff.listed = true
		r.group.parked = append(r.group.parked, r)
	}
}

// sleep waits while the reader is parked, and works on batches meanwhile. When it returns the reader belongs to its
// owner again: because deliver needs the owner, because the stream has ended, or with an error of Deliver.
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
			now, wait = time.Now(), false // another signal may have come in this time
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

// unpark reports the reader's state. A batch to work on takes precedence.
//
// If force is set, unpark takes the reader back from the workers, with two exceptions. A worker that serves the reader
// keeps it and signals when it is done. A reader that got a packet after oldest stays parked, unless its context has
// ended.
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
		return handoff{parked: true} // the other fields belong to the worker
	case force && (r.ctx.Err() != nil || !h.lastArrival.After(oldest)):
		h.parked, h.needsOwner = false, false
	}
	return *h
}

// claim takes the reader for a worker. It reports false if the reader is no longer parked.
func (r *Reader) claim() bool {
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	h := &r.handoff
	h.listed, h.busy = false, h.parked
	return h.busy
}

// serve calls deliver with the reader's packets until there are no more.
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
		r.handoff.lastArrival = d.Arrived // without the lock: no other goroutine reads it while busy is set
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

// releaseToOwner returns the reader to its owner and wakes the owner.
func (r *Reader) releaseToOwner(needsOwner bool) {
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	h := &r.handoff
	h.parked, h.busy, h.ownerWaiting, h.needsOwner = false, false, false, needsOwner
	r.waiter.Signal()
}
