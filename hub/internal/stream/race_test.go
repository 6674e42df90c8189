package stream

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestViewersUnderLoad lets viewers join, leave and stall while frames come as fast as they can. Every one of them must see what can be decoded, and end.
func TestViewersUnderLoad(t *testing.T) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		t.Run(string(format), func(t *testing.T) {
			l := &load{t: t, s: New(Config{Format: format, MaxBytes: 20_000, LiveBudget: time.Millisecond}), ended: errors.New("end")}
			for range laps {
				l.lap = append(l.lap, make(chan struct{}))
			}
			var viewers sync.WaitGroup
			for i := range 24 {
				viewers.Go(func() { l.view(rand.New(rand.NewPCG(uint64(i), 2)), i > 0) }) // one never stalls: the camera waits for it
			}
			l.publish()
			viewers.Wait()
			if l.s.FramesIn.Load() == 0 || l.s.FramesOut.Load() == 0 {
				t.Errorf("%d frames in, %d out", l.s.FramesIn.Load(), l.s.FramesOut.Load())
			}
		})
	}
}

const (
	laps       = 40
	framesALap = 50
)

type load struct {
	t     *testing.T
	s     *Stream
	lap   []chan struct{} // each is closed when its lap begins: stalled viewers wait for a later one
	ended error
}

// publish is the camera: gaps, restarts and Resets, and at last the end. Each lap waits until some viewer got a frame of it.
func (l *load) publish() {
	cam := camera{format: l.s.Format(), epoch: 1}
	for lap := range laps {
		close(l.lap[lap])
		for i := range framesALap {
			if i == 20 {
				cam.seq += uint64(lap % 3)
			}
			l.append(&cam, lap, i%10 == 0)
			l.s.Newest()
			l.s.Rate()
		}
		out := l.s.FramesOut.Load()
		testutil.Eventually(l.t, "a viewer gets a frame", func() bool {
			l.append(&cam, lap, true)
			return l.s.FramesOut.Load() > out
		})
		switch lap % 8 {
		case 3:
			cam = camera{format: cam.format, epoch: cam.epoch + 1}
		case 6:
			l.s.Reset()
		}
	}
	l.s.CloseWithError(l.ended)
}

// append gives the stream a frame that says by its width in which lap it was made.
func (l *load) append(cam *camera, lap int, key bool) {
	f := cam.frame(cam.format == frame.H264 && key, 100)
	f.Width = lap
	l.s.Append(f)
}

// view joins and leaves until the stream ends.
func (l *load) view(r *rand.Rand, stalls bool) {
	ctx, cancel := context.WithTimeout(context.Background(), testutil.Timeout)
	defer cancel()
	for {
		c := l.s.NewCursor()
		err := l.watch(ctx, r, c, stalls)
		c.Close()
		switch {
		case errors.Is(err, l.ended):
			return
		case err != nil:
			l.t.Error(err)
			return
		}
	}
}

// watch takes a random number of frames, itself or by lending its cursor.
func (l *load) watch(ctx context.Context, r *rand.Rand, c *Cursor, stalls bool) error {
	w := checker{load: l}
	lends := r.IntN(3) > 0
	for range 1 + r.IntN(500) {
		quiet := time.Duration(r.IntN(2)) * time.Millisecond
		var err error
		if lends {
			give := 1 + r.IntN(20)
			err = c.Deliver(ctx, quiet, func(d Delivery) bool {
				give--
				return w.check(d) == nil && give > 0
			})
		} else {
			var d Delivery
			if d, err = c.Next(ctx, quiet); err == nil {
				err = w.check(d)
			}
		}
		if errors.Is(err, ErrTimeout) {
			continue
		}
		if err != nil {
			return err
		}
		if stalls && r.IntN(200) == 0 {
			select {
			case <-l.lap[min(w.last.Width+r.IntN(4), laps-1)]:
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// checker is what one viewer has seen.
type checker struct {
	*load
	busy atomic.Bool
	last *Packet
}

func (w *checker) check(d Delivery) error {
	if !w.busy.CompareAndSwap(false, true) {
		w.t.Error("two goroutines serve one viewer at once")
	}
	defer w.busy.Store(false)
	last := w.last
	switch {
	case last == nil && d.Format == frame.H264 && !d.Key:
		w.t.Errorf("begins with frame %d, which is no key frame", d.Index)
	case last != nil && (d.Index <= last.Index || d.Skipped != d.Index-last.Index-1 || d.Epoch < last.Epoch):
		w.t.Errorf("frame %d of epoch %d, %d skipped, after frame %d of epoch %d", d.Index, d.Epoch, d.Skipped, last.Index, last.Epoch)
	case last != nil && d.Format == frame.H264 && !d.Key && (d.Epoch != last.Epoch || d.Seq != last.Seq+1):
		w.t.Errorf("frame %d cannot be decoded after frame %d", d.Index, last.Index)
	}
	w.last = d.Packet
	_, err := Cached(d.Packet, Part, func(f *Packet) (uint64, error) { return f.Seq, nil })
	return err
}
