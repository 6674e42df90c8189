package fanout_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/fanout"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestViewersUnderLoad lets viewers join, leave and stall while frames come as fast as they can. Every one of them
// must see what can be decoded, and end.
func TestViewersUnderLoad(t *testing.T) {
	for _, format := range []media.Codec{media.JPEG, media.H264} {
		t.Run(string(format), func(t *testing.T) {
			s := stream.New(stream.Config{
				Tracks: media.VideoTracks(format), MaxBytes: 20_000, LiveBudget: time.Millisecond,
			})
			l := &load{t: t, s: s, g: fanout.New(s), ended: errors.New("end")}
			for range laps {
				l.lap = append(l.lap, make(chan struct{}))
			}
			var viewers sync.WaitGroup
			for i := range 24 {
				// one never stalls: the camera waits for it
				viewers.Go(func() { l.view(rand.New(rand.NewPCG(uint64(i), 2)), i > 0) })
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
	s     *stream.Stream
	g     *fanout.Group
	lap   []chan struct{} // each is closed when its lap begins: stalled viewers wait for a later one
	ended error
}

// publish is the camera: gaps, restarts and Resets, and at last the end. Each lap waits until some viewer got a frame
// of it.
func (l *load) publish() {
	cam := camera{epoch: 1}
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
			cam = camera{epoch: cam.epoch + 1}
		case 6:
			l.s.Reset()
		}
	}
	l.s.CloseWithError(l.ended)
}

// append gives the stream a frame that says by its width in which lap it was made.
func (l *load) append(cam *camera, lap int, key bool) {
	f := cam.packet(key, 100)
	f.Width = lap
	l.s.Append(f)
}

// view joins and leaves until the stream ends.
func (l *load) view(r *rand.Rand, stalls bool) {
	ctx, cancel := context.WithTimeout(context.Background(), testutil.Timeout)
	defer cancel()
	for {
		c := l.g.NewReader()
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

// watch takes a random number of frames, itself or in batches.
func (l *load) watch(ctx context.Context, r *rand.Rand, c *fanout.Reader, stalls bool) error {
	w := checker{load: l}
	batches := r.IntN(3) > 0
	for range 1 + r.IntN(500) {
		quiet := time.Duration(r.IntN(2)) * time.Millisecond
		var err error
		if batches {
			give := 1 + r.IntN(20)
			err = c.Deliver(ctx, quiet, func(d stream.Delivery) bool {
				give--
				return w.check(d) == nil && give > 0
			})
		} else {
			var d stream.Delivery
			if d, err = c.Next(ctx, quiet); err == nil {
				err = w.check(d)
			}
		}
		if errors.Is(err, stream.ErrTimeout) {
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
	last *stream.Packet
}

func (w *checker) check(d stream.Delivery) error {
	if !w.busy.CompareAndSwap(false, true) {
		w.t.Error("two goroutines serve one viewer at once")
	}
	defer w.busy.Store(false)
	last := w.last
	switch {
	case last == nil && w.s.Codec() == media.H264 && !d.Key:
		w.t.Errorf("begins with frame %d, which is no key frame", d.Index)
	case last != nil && (d.Index <= last.Index || d.Skipped != d.Index-last.Index-1 || d.Epoch < last.Epoch):
		w.t.Errorf("frame %d of epoch %d, %d skipped, after frame %d of epoch %d",
			d.Index, d.Epoch, d.Skipped, last.Index, last.Epoch)
	case last != nil && w.s.Codec() == media.H264 && !d.Key && (d.Epoch != last.Epoch || d.Seq != last.Seq+1):
		w.t.Errorf("frame %d cannot be decoded after frame %d", d.Index, last.Index)
	}
	w.last = d.Packet
	_, err := stream.Cached(d.Packet, func(p *stream.Packet) (uint64, error) { return p.Seq, nil })
	return err
}
