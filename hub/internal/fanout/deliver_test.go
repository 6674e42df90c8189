package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/fanout"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

// viewer is one that delivers its packets.
type viewer struct {
	r    *fanout.Reader
	got  atomic.Uint64 // frames
	last atomic.Uint64 // number of the last one
	ends chan error    // what Deliver returned
}

// watch lets viewers deliver until the test ends. Each of them ends after so many packets, if that is not 0.
func watch(t *testing.T, g *fanout.Group, viewers int, timeout time.Duration, full uint64) []*viewer {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	list := make([]*viewer, viewers)
	for i := range list {
		v := &viewer{r: g.NewReader(), ends: make(chan error, 1)}
		list[i] = v
		all.Go(func() {
			defer v.r.Close()
			v.ends <- v.r.Deliver(ctx, timeout, func(d stream.Delivery) bool {
				v.last.Store(d.Seq)
				return v.got.Add(1) != full
			})
		})
	}
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
	return list
}

// TestBatchesServeAll: every viewer gets every frame, whatever their number, and without a goroutine of its own
// having run for it.
func TestBatchesServeAll(t *testing.T) {
	for _, format := range []media.Codec{media.JPEG, media.H264} {
		for _, viewers := range []int{1, fanout.BatchSize, fanout.BatchSize + 1, 10*fanout.BatchSize + 3} {
			t.Run(fmt.Sprintf("%s/%d", format, viewers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, g := newGroup(format)
					cam := camera{}
					list := watch(t, g, viewers, time.Hour, 0)
					for n := range uint64(50) {
						synctest.Wait()
						cam.add(s, map[bool]string{true: "K", false: "p"}[n%10 == 0])
						synctest.Wait()
						for i, v := range list {
							if v.got.Load() != n+1 || v.last.Load() != n {
								t.Fatalf("viewer %d has %d frames, the last is %d: want %d", i, v.got.Load(), v.last.Load(), n+1)
							}
						}
					}
					if out := s.FramesOut.Load(); out != 50*uint64(viewers) || s.Drops.Get(drop.Lagged) != 0 {
						t.Errorf("%d frames out, %d lagged", out, s.Drops.Get(drop.Lagged))
					}
					if batches, readers := g.Idle(); batches != 1 || readers != viewers {
						t.Errorf("%d batches, %d readers wait for the next", batches, readers)
					}
				})
			})
		}
	}
}

func TestDeliverEnds(t *testing.T) {
	why := errors.New("that is all")
	for name, c := range map[string]struct {
		full uint64
		act  func(*stream.Stream, *camera)
		want error
		took time.Duration
	}{
		"nothing comes": {0, func(*stream.Stream, *camera) {}, stream.ErrTimeout, time.Second},
		"a frame, then nothing": {0, func(s *stream.Stream, cam *camera) {
			<-time.After(700 * time.Millisecond)
			cam.add(s, "K")
		}, stream.ErrTimeout, 1700 * time.Millisecond},
		"many frames, then nothing": {0, func(s *stream.Stream, cam *camera) {
			for range 10 {
				<-time.After(900 * time.Millisecond)
				cam.add(s, "K")
			}
		}, stream.ErrTimeout, 10 * time.Second},
		"the stream ends": {0, func(s *stream.Stream, _ *camera) { s.CloseWithError(why) }, why, 0},
		"the viewer is full": {3, func(s *stream.Stream, cam *camera) {
			for range 3 {
				cam.add(s, "K")
				synctest.Wait()
			}
		}, nil, 0},
		"the viewer is full at once": {1, func(s *stream.Stream, cam *camera) { cam.add(s, "Kpp") }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, g := newGroup(media.H264)
				cam := camera{}
				began := time.Now()
				list := watch(t, g, 40, time.Second, c.full)
				synctest.Wait()
				c.act(s, &cam)
				for i, v := range list {
					if err := <-v.ends; !errors.Is(err, c.want) || time.Since(began) != c.took {
						t.Errorf("viewer %d: %v after %v: want %v after %v", i, err, time.Since(began), c.want, c.took)
					}
				}
			})
		})
	}
}

func TestDeliverEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, g := newGroup(media.JPEG)
		cam := camera{}
		ctx, cancel := context.WithCancel(t.Context())
		r := g.NewReader()
		defer r.Close()
		ends := make(chan error)
		go func() { ends <- r.Deliver(ctx, time.Hour, func(stream.Delivery) bool { return true }) }()
		cam.add(s, "p")
		synctest.Wait()
		cancel()
		if err := <-ends; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		cam.add(s, "p")
		if err := r.Deliver(ctx, time.Hour, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%v: want the context's error though there is a frame", err)
		}
		if s.FramesOut.Load() != 1 {
			t.Errorf("%d frames out: want the one before", s.FramesOut.Load())
		}
	})
}

// A viewer that takes long, and needs its goroutine, holds up no other.
func TestSlowViewersDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, g := newGroup(media.JPEG)
		cam := camera{}
		good := watch(t, g, 20, time.Hour, 0)
		full := watch(t, g, 20, time.Hour, 2) // they have gone after two frames
		synctest.Wait()
		for range 10 {
			cam.add(s, "p")
			synctest.Wait()
		}
		for i := range good {
			if good[i].got.Load() != 10 || full[i].got.Load() != 2 {
				t.Errorf("%d and %d frames: want 10 and 2", good[i].got.Load(), full[i].got.Load())
			}
		}
	})
}

// BenchmarkBatch measures what a frame costs the stream when viewers deliver it. ns/op ends when all viewers have
// taken the frame.
func BenchmarkBatch(b *testing.B) {
	for _, viewers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			s, g := newGroup(media.JPEG)
			payload := make([]byte, 84_000)
			var running, taken sync.WaitGroup
			for range viewers {
				running.Go(func() {
					r := g.NewReader()
					defer r.Close()
					_ = r.Deliver(b.Context(), time.Hour, func(stream.Delivery) bool { // until the stream ends
						taken.Done()
						return true
					})
				})
			}
			b.ReportAllocs()
			seq := uint64(0)
			for b.Loop() {
				taken.Add(viewers)
				seq++
				s.Append(media.Packet{Seq: seq, Payload: payload})
				taken.Wait()
			}
			s.CloseWithError(errors.New("end"))
			running.Wait()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(viewers), "ns/delivery")
		})
	}
}
