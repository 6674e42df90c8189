// Package fanout delivers a stream's packets to many readers that keep up, without waking a goroutine for each of them.
//
// Waking a goroutine for every reader and packet would cost more than all other work outside the kernel. Therefore a
// reader that has nothing to deliver is parked with its group. A packet wakes the owners of a few readers, at most one
// for each processor. These workers serve all parked readers in one batch. A reader that does not keep up leaves the
// batches: its owner reads from the cursor in its own loop.
//
// What is delivered, and how a packet is written, does not belong here.
package fanout

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/bramble-cam/bramble/hub/internal/stream"
)

// batchSize is how many readers a worker serves before it lets other goroutines run. Otherwise other cameras would wait
// for a popular one.
const batchSize = 16

// Group is the readers of one stream.
type Group struct {
	stream *stream.Stream

	mu      sync.Mutex // may be locked while the stream is locked; the stream must not be locked while mu is
	parked  []*Reader  // the next batch serves them
	free    []*batch   // ended batches, for reuse
	pending bool       // a batch could not start because no owner was free to work on it
}

// New returns the group of a stream. A stream must have at most one group, because the group sets its OnChange.
func New(s *stream.Stream) *Group {
	g := &Group{stream: s}
	s.OnChange(g.startBatch)
	return g
}

// Stream returns the stream.
func (g *Group) Stream() *stream.Stream { return g.stream }

// batch is one pass over all parked readers. It ends when all of them are served. Owners of some of them do the work.
type batch struct {
	readers []*Reader
	next    atomic.Int64 // index of the first reader that no worker has claimed
	workers int          // workers at work; guarded by Group.mu
}

// startBatch wakes workers for a batch.
func (g *Group) startBatch() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.startBatchLocked()
}

// startBatchLocked wakes at most one worker for each processor. More would not help: workers never wait.
func (g *Group) startBatchLocked() {
	n := len(g.parked)
	wanted := min(runtime.GOMAXPROCS(0), (n+batchSize-1)/batchSize)
	var b *batch
	for _, r := range g.parked {
		if wanted == 0 {
			break
		}
		if h := &r.handoff; !h.parked || h.busy || h.batch != nil {
			continue
		}
		if b == nil {
			b = g.newBatchLocked()
		}
		wanted--
		b.workers++
		r.handoff.batch = b
		r.waiter.Signal()
	}
	if g.pending = b == nil && n > 0; g.pending {
		return // all owners are at work: each looks for packets itself, or starts this batch at the end of its own
	}
	if b != nil {
		b.readers, g.parked = g.parked, b.readers
	}
}

func (g *Group) newBatchLocked() *batch {
	if last := len(g.free) - 1; last >= 0 {
		b := g.free[last]
		g.free = g.free[:last]
		return b
	}
	return &batch{}
}

// runWorker serves readers of the batch until there are no more.
func (r *Reader) runWorker(b *batch) {
	for all := len(b.readers); ; runtime.Gosched() {
		end := int(b.next.Add(batchSize))
		for _, other := range b.readers[min(end-batchSize, all):min(end, all)] {
			other.serve()
		}
		if end >= all {
			break
		}
	}
	g := r.group
	g.mu.Lock()
	defer g.mu.Unlock()
	r.handoff.batch = nil
	if b.workers--; b.workers == 0 {
		clear(b.readers)
		b.readers = b.readers[:0]
		b.next.Store(0)
		g.free = append(g.free, b)
	}
	if g.pending {
		g.startBatchLocked()
	}
}
