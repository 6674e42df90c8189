package publish

import (
	"sync"
	"time"

	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// The budget of queued frames. JPEG: one. H.264: two access units, or more up to maxQueueBytes if the oldest is not
// older than maxQueueAge. Older frames would be stale before they leave the host.
const (
	maxQueueBytes = 256 << 10
	maxQueueAge   = 500 * time.Millisecond
	resumeAge     = 100 * time.Millisecond // of the first access unit after an outage
)

// item is a frame in a buffer that the queue reuses, so that a steady stream allocates nothing.
type item struct {
	frame  frame.Frame // Payload lies in buf
	buf    []byte
	queued time.Time
}

// queue decouples the capture loop, which must never wait, from the publisher, which may. It drops frames: of JPEG it
// keeps only the newest, and in H.264 it skips to the next key frame and never drops single access units of a GOP.
type queue struct {
	drops *drop.Counters
	ready chan struct{} // holds a token while items may be there

	mu       sync.Mutex
	items    []*item // oldest first
	free     []*item
	bytes    int
	skipping bool // H.264: everything up to the next key frame is dropped
}

func newQueue(drops *drop.Counters) *queue {
	return &queue{drops: drops, ready: make(chan struct{}, 1)}
}

// put copies f into the queue. It reports true when an H.264 stream began to skip, which a key frame would end.
func (q *queue) put(f *frame.Frame, now time.Time) (skip bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f.Format == frame.JPEG {
		q.drops.Add(drop.QueueHead, q.clearLocked())
	} else if skip, drop := q.skipLocked(f, now); drop {
		return skip
	}
	it := q.takeFreeLocked()
	it.buf = append(it.buf[:0], f.Payload...)
	it.frame, it.queued = *f, now
	it.frame.Payload = it.buf
	q.items = append(q.items, it)
	q.bytes += len(it.buf)
	signal(q.ready)
	return false
}

// skipLocked decides whether the access unit f must be dropped, and whether that begins a skip.
func (q *queue) skipLocked(f *frame.Frame, now time.Time) (began, dropped bool) {
	if f.Key {
		if q.skipping { // what still waits belongs to the GOP that was cut
			q.drops.Add(drop.Lagged, q.clearLocked())
		}
		q.skipping = false
		if q.fullLocked(now, len(f.Payload)) {
			q.drops.Add(drop.Lagged, q.clearLocked())
		}
		return false, false
	}
	if !q.skipping && !q.fullLocked(now, len(f.Payload)) {
		return false, false
	}
	began = !q.skipping
	q.skipping = true
	q.drops.Add(drop.Lagged, 1)
	return began, true
}

func (q *queue) fullLocked(now time.Time, more int) bool {
	if len(q.items) < 2 {
		return false
	}
	return q.bytes+more > maxQueueBytes || now.Sub(q.items[0].queued) > maxQueueAge
}

// pop returns the oldest item, or nil. Give it back with release. If there are more, ready has a token again. It
// reports true when an H.264 stream began to skip, since the oldest item is older than it may be.
func (q *queue) pop(now time.Time, oldest time.Duration) (it *item, skip bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return nil, false
	}
	it = q.items[0]
	if it.frame.Format == frame.H264 && now.Sub(it.queued) > oldest {
		began := !q.skipping
		q.restartLocked()
		return nil, began
	}
	q.items = append(q.items[:0], q.items[1:]...)
	q.bytes -= len(it.buf)
	if len(q.items) > 0 {
		signal(q.ready)
	}
	return it, false
}

func (q *queue) release(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.freeLocked(it)
}

// restart makes an H.264 stream wait for the next key frame, since an access unit was lost after it left the queue.
func (q *queue) restart() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.restartLocked()
}

func (q *queue) restartLocked() {
	q.drops.Add(drop.Lagged, q.clearLocked())
	q.skipping = true
}

// clear empties the queue and returns how many items were in it.
func (q *queue) clear() (dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.clearLocked()
}

func (q *queue) clearLocked() (dropped uint64) {
	dropped = uint64(len(q.items))
	for _, it := range q.items {
		q.freeLocked(it)
	}
	q.items, q.bytes = q.items[:0], 0
	return dropped
}

func (q *queue) takeFreeLocked() *item {
	if n := len(q.free); n > 0 {
		it := q.free[n-1]
		q.free = q.free[:n-1]
		return it
	}
	return &item{}
}

// freeLocked keeps a few buffers: as many as a steady stream uses. A burst's buffers go to the garbage collector.
func (q *queue) freeLocked(it *item) {
	if len(q.free) < 2 {
		q.free = append(q.free, it)
	}
}
