package publish

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// queueTest is a queue, its clock, and who fills and empties it.
type queueTest struct {
	*queue
	t      *testing.T
	drops  drop.Counters
	format frame.Format
	now    time.Time
	seq    uint64
}

func newQueueTest(t *testing.T, format frame.Format) *queueTest {
	q := &queueTest{t: t, format: format, now: time.Unix(1000, 0)}
	q.queue = newQueue(&q.drops)
	return q
}

// put puts a frame of size bytes and reports whether a skip began.
func (q *queueTest) put(key bool, size int) (skip bool) {
	f := frame.Frame{Format: q.format, Seq: q.seq, Key: key, Payload: bytes.Repeat([]byte{byte(q.seq)}, size)}
	q.seq++
	skip = q.queue.put(&f, q.now)
	clear(f.Payload) // a source reuses its buffer
	return skip
}

// take takes the oldest item and reports it, or nil.
func (q *queueTest) take() *item {
	it, _ := q.queue.pop(q.now, maxQueueAge)
	return it
}

// taken empties the queue and returns the sequence numbers.
func (q *queueTest) taken() string {
	q.t.Helper()
	var seqs []uint64
	for it := q.take(); it != nil; it = q.take() {
		if !bytes.Equal(it.frame.Payload, bytes.Repeat([]byte{byte(it.frame.Seq)}, len(it.frame.Payload))) {
			q.t.Errorf("frame %d was changed in the queue", it.frame.Seq)
		}
		seqs = append(seqs, it.frame.Seq)
		q.release(it)
	}
	return fmt.Sprint(seqs)
}

func (q *queueTest) expect(what, got, want string) {
	q.t.Helper()
	if got != want {
		q.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func (q *queueTest) expectDrops(want map[string]uint64) {
	q.t.Helper()
	q.expect("drops", fmt.Sprint(q.drops.Map()), fmt.Sprint(want))
}

func TestQueueJPEGKeepsTheNewest(t *testing.T) {
	q := newQueueTest(t, frame.JPEG)
	for range 5 {
		if q.put(false, 1000) {
			t.Error("a JPEG stream cannot skip")
		}
	}
	q.expect("taken", q.taken(), "[4]")
	q.expectDrops(map[string]uint64{"queue_head": 4})
	q.put(false, maxQueueBytes+1)
	q.now = q.now.Add(time.Hour)
	q.expect("taken", q.taken(), "[5]")
	q.expectDrops(map[string]uint64{"queue_head": 4})
}

func TestQueueH264WithinTheBudget(t *testing.T) {
	q := newQueueTest(t, frame.H264)
	q.put(true, maxQueueBytes) // two fit always
	q.put(false, maxQueueBytes)
	q.expect("taken", q.taken(), "[0 1]")
	for range 20 {
		if q.put(false, maxQueueBytes/20) {
			t.Error("skips within the budget")
		}
	}
	q.expect("taken", q.taken(), "[2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21]")
	q.expectDrops(map[string]uint64{})
}

func TestQueueH264SkipsToTheNextKeyFrame(t *testing.T) {
	q := newQueueTest(t, frame.H264)
	q.put(true, 200<<10)
	q.put(false, 50<<10)
	if !q.put(false, 50<<10) {
		t.Error("over the budget, but no skip began")
	}
	if q.put(false, 1) {
		t.Error("the same skip began twice: an encoder would be asked for key frame upon key frame")
	}
	q.expectDrops(map[string]uint64{"lagged": 2})
	q.expect("taken: what came before the hole is good", q.taken(), "[0 1]")
	q.put(false, 1)
	q.expect("taken: within the skip", q.taken(), "[]")
	q.put(true, 1)
	q.put(false, 1)
	q.expect("taken: behind the skip", q.taken(), "[5 6]")
	q.expectDrops(map[string]uint64{"lagged": 3})
}

func TestQueueH264KeyFrameTakesThePlaceOfACutGOP(t *testing.T) {
	q := newQueueTest(t, frame.H264)
	q.put(true, 200<<10)
	q.put(false, 50<<10)
	q.put(false, 50<<10)
	q.put(true, 10)
	q.expect("taken", q.taken(), "[3]")
	q.expectDrops(map[string]uint64{"lagged": 3})
}

func TestQueueH264KeyFrameIntoAFullQueue(t *testing.T) {
	q := newQueueTest(t, frame.H264)
	q.put(true, 200<<10)
	q.put(false, 50<<10)
	if q.put(true, 100<<10) {
		t.Error("a key frame is what a skip waits for")
	}
	q.put(false, 1)
	q.expect("taken", q.taken(), "[2 3]")
	q.expectDrops(map[string]uint64{"lagged": 2})
}

func TestQueueH264Age(t *testing.T) {
	q := newQueueTest(t, frame.H264)
	q.put(true, 10)
	q.put(false, 10)
	q.now = q.now.Add(maxQueueAge)
	if q.put(false, 10) {
		t.Error("skips at the very limit")
	}
	q.now = q.now.Add(1)
	if !q.put(false, 10) {
		t.Error("the oldest waits for too long, but no skip began")
	}
	q.expect("taken: what has waited for too long is not sent", q.taken(), "[]")
	q.put(false, 10)
	q.put(true, 10)
	q.expect("taken behind the skip", q.taken(), "[5]")
	q.expectDrops(map[string]uint64{"lagged": 5})
}

// TestQueueTakesNothingStale: the uplink stood still, and no frame came that could have begun a skip.
func TestQueueTakesNothingStale(t *testing.T) {
	q := newQueueTest(t, frame.H264)
	q.put(true, 10)
	q.now = q.now.Add(maxQueueAge)
	q.put(false, 10)
	if it, skip := q.queue.pop(q.now, maxQueueAge); it == nil || skip {
		t.Errorf("at the very limit: %v, skip %v", it, skip)
	}
	q.now = q.now.Add(maxQueueAge + 1)
	if it, skip := q.queue.pop(q.now, maxQueueAge); it != nil || !skip {
		t.Errorf("behind the limit: %v, skip %v", it, skip)
	}
	q.put(false, 10)
	q.put(true, 10)
	q.expect("taken", q.taken(), "[3]")
	q.expectDrops(map[string]uint64{"lagged": 2})
}

func TestQueueRestart(t *testing.T) {
	q := newQueueTest(t, frame.H264)
	q.put(true, 10)
	q.put(false, 10)
	q.put(false, 10)
	lost := q.take()
	q.release(lost)
	q.restart()
	q.put(false, 10)
	q.put(true, 10)
	q.put(false, 10)
	q.expect("taken after the loss of 0", q.taken(), "[4 5]")
	q.expectDrops(map[string]uint64{"lagged": 3})
}

func TestQueueReadyHasATokenWhileItemsWait(t *testing.T) {
	q := newQueueTest(t, frame.H264)
	q.put(true, 10)
	q.put(false, 10)
	for range 2 {
		select {
		case <-q.ready:
		default:
			t.Fatal("an item waits without a signal")
		}
		if it := q.take(); it == nil {
			t.Fatal("no item")
		} else {
			q.release(it)
		}
	}
	select {
	case <-q.ready:
		t.Error("told of an item that is not there")
	default:
	}
}

// decoder checks that what it is shown can be decoded.
type decoder struct {
	t    *testing.T
	next uint64
	ok   bool // in a GOP without a hole
}

func (d *decoder) show(f *frame.Frame) {
	d.t.Helper()
	if !f.Decodable() && (!d.ok || f.Seq != d.next) {
		d.t.Fatalf("frame %d is no key frame, but %d was expected", f.Seq, d.next)
	}
	d.ok, d.next = true, f.Seq+1
}

// TestQueueNeverLeavesAHole: whatever the order of put, take, failure and time, what is sent decodes, nothing is lost
// without being counted, and what waits stays within the budget.
func TestQueueNeverLeavesAHole(t *testing.T) {
	payload := make([]byte, 2*maxQueueBytes)
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		for seed := range uint64(100) {
			rng := rand.New(rand.NewPCG(seed, 2))
			q, dec := newQueueTest(t, format), &decoder{t: t}
			sent, failed := uint64(0), uint64(0)
			gop, maxSize := 1+rng.IntN(40), 1+rng.IntN(len(payload)>>rng.IntN(8))
			for range 300 {
				switch rng.IntN(5) {
				case 0, 1:
					key := format == frame.H264 && (q.seq == 0 || rng.IntN(gop) == 0)
					q.queue.put(&frame.Frame{Format: format, Seq: q.seq, Key: key, Payload: payload[:1+rng.IntN(maxSize)]}, q.now)
					q.seq++
				case 2, 3:
					it := q.take()
					if it == nil {
						continue
					}
					if rng.IntN(20) == 0 {
						failed++
						if format == frame.H264 {
							q.restart()
						}
					} else {
						dec.show(&it.frame)
						sent++
					}
					q.release(it)
				case 4:
					q.now = q.now.Add(time.Duration(rng.IntN(200)) * time.Millisecond)
				}
				if n := len(q.items); n > 2 && q.bytes > maxQueueBytes || format == frame.JPEG && n > 1 || len(q.free) > 2 {
					t.Fatalf("seed %d: %d items with %d bytes wait, %d buffers are kept", seed, n, q.bytes, len(q.free))
				}
			}
			counted := q.drops.Get(drop.QueueHead) + q.drops.Get(drop.Lagged)
			if total := sent + failed + counted + uint64(len(q.items)); total != q.seq {
				t.Fatalf("%s, seed %d: of %d frames, %d were sent, %d failed, %d are counted as drops, %d wait", format, seed,
					q.seq, sent, failed, counted, len(q.items))
			}
		}
	}
}

// TestQueueFromTwoGoroutines is for the race detector.
func TestQueueFromTwoGoroutines(t *testing.T) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		q, dec := newQueueTest(t, format), &decoder{t: t}
		var camera sync.WaitGroup
		done := make(chan struct{})
		camera.Go(func() {
			defer close(done)
			payload := make([]byte, 20<<10)
			for seq := range uint64(3000) {
				q.queue.put(&frame.Frame{Format: format, Seq: seq, Key: format == frame.H264 && seq%25 == 0, Payload: payload},
					time.Now())
			}
		})
		for running := true; running; {
			select {
			case <-q.ready:
			case <-done:
				running = false
			}
			if it, _ := q.queue.pop(time.Now(), maxQueueAge); it != nil {
				dec.show(&it.frame)
				q.release(it)
			}
		}
		camera.Wait()
	}
}

func TestQueueSteadyStateAllocatesNothing(t *testing.T) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		q := newQueue(&drop.Counters{})
		now := time.Now()
		f := &frame.Frame{Format: format, Key: format == frame.H264, Payload: make([]byte, 60<<10)}
		once := func() {
			q.put(f, now)
			f.Key = false
			q.put(f, now)
			for it, _ := q.pop(now, maxQueueAge); it != nil; it, _ = q.pop(now, maxQueueAge) {
				q.release(it)
			}
		}
		once()
		if n := testing.AllocsPerRun(100, once); n != 0 {
			t.Errorf("%s: %v allocations for two frames", format, n)
		}
	}
}
