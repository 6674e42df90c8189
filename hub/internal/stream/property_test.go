package stream_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

// TestRandomEvents throws everything at a stream that can happen, in random order: gaps, new and old epochs,
// duplicates, times and clocks that go back, broken and empty frames, large ones, pauses and Resets; viewers that
// come, go, are slow or stall. The time is synctest's, so a seed is one story.
func TestRandomEvents(t *testing.T) {
	for seed := range uint64(40) {
		for _, format := range []media.Codec{media.JPEG, media.H264} {
			t.Run(fmt.Sprintf("%s/%d", format, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { newStory(t, format, seed).run(2000) })
			})
		}
	}
}

// story is one random run.
type story struct {
	t       *testing.T
	rand    *rand.Rand
	s       *stream.Stream
	agents  [2]camera     // the one that is followed as a rule, and an older one
	last    *media.Packet // the newest frame sent, to be sent again
	passed  map[[2]uint64]bool
	viewers []*watcher

	offered, lost uint64    // frames sent, and those that the stream can know to be missing
	resetAt       time.Time // a Reset forgets which epoch was followed
}

func newStory(t *testing.T, format media.Codec, seed uint64) *story {
	r := rand.New(rand.NewPCG(seed, 1))
	cfg := stream.Config{Tracks: media.VideoTracks(format),
		LiveBudget: time.Duration(1+r.IntN(3)) * 500 * time.Millisecond, MaxBytes: 5000}
	if r.IntN(2) == 0 {
		cfg.MaxBytes = 1 << 20
	}
	return &story{
		t: t, rand: r, s: stream.New(cfg), agents: [2]camera{{format: format, epoch: 1000}, {format: format, epoch: 10}},
		passed: map[[2]uint64]bool{},
	}
}

func (y *story) run(steps int) {
	for range steps {
		<-time.After(time.Duration(y.rand.IntN(80)) * time.Millisecond)
		y.act()
		y.checkRing()
		y.watch()
	}
	for _, w := range y.viewers {
		w.leave()
	}
	if y.s.FramesIn.Load() < uint64(steps)/10 || y.s.FramesOut.Load() == 0 {
		y.t.Errorf("only %d frames in, %d out: the story proves nothing", y.s.FramesIn.Load(), y.s.FramesOut.Load())
	}
}

// act does something to the stream.
func (y *story) act() {
	cam := &y.agents[0]
	switch n := y.rand.IntN(200); {
	case n < 5: // lost on the way
		skip := uint64(1 + y.rand.IntN(3))
		cam.seq += skip
		if epoch, _, _, ok := y.s.Followed(); ok && epoch == cam.epoch {
			y.lost += skip
		}
		y.offer(cam.frame(y.rand.IntN(4) == 0, 100))
	case n < 8 && y.last != nil: // again
		if _, _, last, _ := y.s.Followed(); time.Since(last) > stream.EpochTimeout {
			return // would count as a restart that repeats its numbers: no agent does that
		}
		y.offer(*y.last)
	case n < 12: // the older agent speaks
		y.offer(y.agents[1].frame(y.rand.IntN(3) == 0, 100))
	case n < 14: // restart
		*cam = camera{format: cam.format, epoch: cam.epoch + 1 + int64(y.rand.IntN(9)), seq: uint64(y.rand.IntN(3))}
	case n < 15: // restart with a clock that went back
		*cam = camera{format: cam.format, epoch: max(11, cam.epoch-int64(y.rand.IntN(9)))}
		<-time.After(stream.EpochTimeout + time.Millisecond)
	case n < 17: // time goes back
		f := cam.frame(true, 100)
		f.PTS -= time.Hour
		y.offer(f)
	case n < 20:
		y.offered++
		p := cam.frame(true, 1)
		y.s.Drop(&p, drop.Decode)
	case n < 25:
		f := cam.frame(false, 1)
		if epoch, seq, _, ok := y.s.Followed(); ok && epoch == f.Epoch && seq+1 == f.Seq {
			y.passed[[2]uint64{uint64(f.Epoch), f.Seq}] = true
		}
		y.s.SkipEmpty(&f)
	case n < 28: // pause
		<-time.After(time.Duration(y.rand.IntN(5000)) * time.Millisecond)
	case n < 29:
		y.s.Reset()
		y.resetAt = time.Now()
	case n < 31:
		y.offer(cam.frame(true, 3000+y.rand.IntN(4000)))
	default:
		y.offer(cam.frame(cam.seq%12 == 0, y.rand.IntN(500)))
	}
}

func (y *story) offer(f media.Packet) {
	y.offered++
	y.last = &f
	if y.s.Codec() == media.JPEG {
		f.Key = false
	}
	if !y.s.Stale(&f) {
		y.s.Append(f)
	}
}

// checkRing holds the stream against what it promises of itself.
func (y *story) checkRing() {
	s, t, r := y.s, y.t, y.s.Ring()
	maxBytes, _ := s.Bounds()
	bytes := 0
	for i, f := range r.Packets {
		bytes += len(f.Payload)
		if f.Index != r.Packets[0].Index+uint64(i) {
			t.Fatalf("index %d at place %d of the ring, which begins with %d", f.Index, i, r.Packets[0].Index)
		}
	}
	n := len(r.Packets)
	if n > 0 && r.Packets[n-1].Index != r.Next-1 || s.FramesIn.Load() != r.Next {
		t.Fatalf("%d frames in, next index %d: every frame must be in the ring or have left it", s.FramesIn.Load(), r.Next)
	}
	if bytes != r.Bytes || bytes > maxBytes && n > 1 || s.Codec() == media.JPEG && n > 1 {
		t.Fatalf("%d frames with %d bytes, counted as %d: at most %d are allowed", n, bytes, r.Bytes, maxBytes)
	}
	for i := n - 1; i >= 0; i-- {
		if r.Packets[i].Key {
			if !r.HasKey || r.LastKey != r.Packets[i].Index {
				t.Fatalf("the newest key frame is %d: the stream says %d, %v", r.Packets[i].Index, r.LastKey, r.HasKey)
			}
			break
		}
		if i == 0 && r.HasKey {
			t.Fatal("the stream has a key frame that is not in the ring")
		}
	}
	dropped := uint64(0)
	for _, r := range []drop.Reason{drop.Decode, drop.Gap, drop.OldEpoch, drop.NoKey} {
		dropped += s.Drops.Get(r)
	}
	if unknown := y.offered - s.FramesIn.Load(); dropped < unknown || dropped > unknown+y.lost {
		t.Fatalf("%d frames sent, %d lost, %d in, dropped %v: every loss must be counted once",
			y.offered, y.lost, s.FramesIn.Load(), s.Drops.Map())
	}
}

// watch lets viewers come, read and go.
func (y *story) watch() {
	if len(y.viewers) < 6 && y.rand.IntN(20) == 0 {
		y.viewers = append(y.viewers, &watcher{story: y, c: y.s.NewCursor(), pace: []int{1, 1, 3, 40, 400}[y.rand.IntN(5)]})
	}
	for i, w := range y.viewers {
		if y.rand.IntN(w.pace) == 0 {
			for range 1 + y.rand.IntN(4) {
				w.read()
			}
		}
		if y.rand.IntN(500) == 0 {
			w.leave()
			y.viewers = append(y.viewers[:i], y.viewers[i+1:]...)
			return
		}
	}
}

// watcher is a viewer that checks what it gets.
type watcher struct {
	*story

	c       *stream.Cursor
	pace    int
	first   uint64 // index of the first frame
	last    *stream.Packet
	got     uint64
	skipped uint64
}

func (w *watcher) read() {
	s, t, r := w.s, w.t, w.s.Ring()
	_, liveBudget := s.Bounds()
	d, err := w.c.Next(t.Context(), 0)
	if errors.Is(err, stream.ErrTimeout) {
		w.checkNone()
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case s.Codec() == media.JPEG && d.Index != r.Next-1:
		t.Fatalf("picture %d: the newest is %d", d.Index, r.Next-1)
	case s.Codec() == media.H264 && w.last == nil && (!d.Key || d.Index != r.LastKey):
		t.Fatalf("begins at %d: the newest key frame is %d", d.Index, r.LastKey)
	case s.Codec() == media.H264 && r.HasKey && d.Index < r.LastKey && time.Since(d.Arrived) > liveBudget:
		t.Fatalf("frame %d is %v old though %d is a newer key frame", d.Index, time.Since(d.Arrived), r.LastKey)
	}
	if d.Preroll != (d.Index < d.JoinPoint.Index) || (w.last == nil ||
		d.Skipped > 0) && (d.JoinPoint.Index != r.Next-1 || d.JoinPoint.PTS < d.PTS) {
		t.Fatalf("frame %d at %v, history %v, edge %+v: the newest is %d", d.Index, d.PTS, d.Preroll, d.JoinPoint, r.Next-1)
	}
	if w.last == nil {
		w.first = d.Index
	} else {
		w.checkOrder(d)
	}
	w.last = d.Packet
	w.got++
	w.skipped += d.Skipped
	if w.skipped != w.c.Skipped() || w.got+w.skipped != d.Index+1-w.first {
		t.Fatalf("frame %d, %d delivered and %d skipped since frame %d", d.Index, w.got, w.skipped, w.first)
	}
}

// checkOrder checks that a decoder can go on from the last frame to d.
func (w *watcher) checkOrder(d stream.Delivery) {
	t, last := w.t, w.last
	if d.Index <= last.Index || d.Skipped != d.Index-last.Index-1 {
		t.Fatalf("frame %d after %d, skipped %d", d.Index, last.Index, d.Skipped)
	}
	if d.Epoch < last.Epoch && d.Arrived.Sub(last.Arrived) <= stream.EpochTimeout && w.resetAt.Before(last.Arrived) {
		t.Fatalf("epoch %d %v after the newer %d", d.Epoch, d.Arrived.Sub(last.Arrived), last.Epoch)
	}
	if d.Key || w.s.Codec() == media.JPEG {
		return
	}
	if d.Epoch != last.Epoch || d.Skipped != 0 {
		t.Fatalf("frame %d cannot be decoded after %d", d.Index, last.Index)
	}
	for seq := last.Seq + 1; seq < d.Seq; seq++ {
		if !w.passed[[2]uint64{uint64(d.Epoch), seq}] {
			t.Fatalf("number %d came after %d: %d is missing, and it is no key frame", d.Seq, last.Seq, seq)
		}
	}
	if d.Seq <= last.Seq || d.PTS < last.PTS {
		t.Fatalf("number %d at %v came after %d at %v", d.Seq, d.PTS, last.Seq, last.PTS)
	}
}

// checkNone checks that there was nothing to be had.
func (w *watcher) checkNone() {
	s, r := w.s, w.s.Ring()
	switch n := len(r.Packets); {
	case n == 0 || w.last != nil && w.last.Index == r.Next-1:
	case s.Codec() == media.H264 && !r.HasKey && (w.last == nil || w.last.Index+1 < r.Packets[0].Index):
	default:
		w.t.Fatalf("no frame for a viewer after %v: the ring holds %d to %d, newest key frame %d %v",
			w.last, r.Packets[0].Index, r.Next-1, r.LastKey, r.HasKey)
	}
}

func (w *watcher) leave() { w.c.Close() }
