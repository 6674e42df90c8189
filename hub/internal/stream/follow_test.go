package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// fan is one viewer who lends its cursor.
type fan struct {
	c    *Cursor
	got  atomic.Uint64 // frames
	last atomic.Uint64 // number of the last one
	ends chan error    // what Follow returned
}

// follow lets viewers watch until the test ends. Each of them gives full back after so many frames, if that is not 0.
func follow(t *testing.T, s *Stream, viewers int, quiet time.Duration, full uint64) []*fan {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	fans := make([]*fan, viewers)
	for i := range fans {
		f := &fan{c: s.NewCursor(), ends: make(chan error, 1)}
		fans[i] = f
		all.Go(func() {
			defer f.c.Close()
			f.ends <- f.c.Deliver(ctx, quiet, func(d Delivery) bool {
				f.last.Store(d.Seq)
				return f.got.Add(1) != full
			})
		})
	}
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
	return fans
}

// TestRoundsServeAll: every viewer gets every frame, whatever their number, and without a goroutine of its own having run for it.
func TestRoundsServeAll(t *testing.T) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		for _, viewers := range []int{1, share, share + 1, 10*share + 3} {
			t.Run(fmt.Sprintf("%s/%d", format, viewers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, cam := New(Config{Format: format}), camera{format: format}
					fans := follow(t, s, viewers, time.Hour, 0)
					for n := range uint64(50) {
						synctest.Wait()
						cam.add(s, map[bool]string{true: "K", false: "p"}[n%10 == 0])
						synctest.Wait()
						for i, f := range fans {
							if f.got.Load() != n+1 || f.last.Load() != n {
								t.Fatalf("viewer %d has %d frames, the last is %d: want %d", i, f.got.Load(), f.last.Load(), n+1)
							}
						}
					}
					if out := s.FramesOut.Load(); out != 50*uint64(viewers) || s.Drops.Get(drop.Lagged) != 0 {
						t.Errorf("%d frames out, %d lagged", out, s.Drops.Get(drop.Lagged))
					}
					if len(s.spare) != 1 || len(s.following) != viewers {
						t.Errorf("%d rounds, %d cursors wait for the next", len(s.spare), len(s.following))
					}
				})
			})
		}
	}
}

func TestFollowEnds(t *testing.T) {
	why := errors.New("that is all")
	for name, c := range map[string]struct {
		full uint64
		act  func(*Stream, *camera)
		want error
		took time.Duration
	}{
		"nothing comes": {0, func(*Stream, *camera) {}, ErrTimeout, time.Second},
		"a frame, then nothing": {0, func(s *Stream, cam *camera) {
			<-time.After(700 * time.Millisecond)
			cam.add(s, "K")
		}, ErrTimeout, 1700 * time.Millisecond},
		"many frames, then nothing": {0, func(s *Stream, cam *camera) {
			for range 10 {
				<-time.After(900 * time.Millisecond)
				cam.add(s, "K")
			}
		}, ErrTimeout, 10 * time.Second},
		"the stream ends": {0, func(s *Stream, _ *camera) { s.CloseWithError(why) }, why, 0},
		"the viewer is full": {3, func(s *Stream, cam *camera) {
			for range 3 {
				cam.add(s, "K")
				synctest.Wait()
			}
		}, nil, 0},
		"the viewer is full at once": {1, func(s *Stream, cam *camera) { cam.add(s, "Kpp") }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cam := New(Config{Format: frame.H264}), camera{format: frame.H264}
				began := time.Now()
				fans := follow(t, s, 40, time.Second, c.full)
				synctest.Wait()
				c.act(s, &cam)
				for i, f := range fans {
					if err := <-f.ends; !errors.Is(err, c.want) || time.Since(began) != c.took {
						t.Errorf("viewer %d: %v after %v: want %v after %v", i, err, time.Since(began), c.want, c.took)
					}
				}
			})
		})
	}
}

func TestFollowEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cam := New(Config{Format: frame.JPEG}), camera{format: frame.JPEG}
		ctx, cancel := context.WithCancel(t.Context())
		c := s.NewCursor()
		defer c.Close()
		ends := make(chan error)
		go func() { ends <- c.Deliver(ctx, time.Hour, func(Delivery) bool { return true }) }()
		cam.add(s, "p")
		synctest.Wait()
		cancel()
		if err := <-ends; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		cam.add(s, "p")
		if err := c.Deliver(ctx, time.Hour, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%v: want the context's error though there is a frame", err)
		}
		if s.FramesOut.Load() != 1 {
			t.Errorf("%d frames out: want the one before", s.FramesOut.Load())
		}
	})
}

// A viewer that takes long, and needs its goroutine, holds up no other.
func TestFullViewersHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cam := New(Config{Format: frame.JPEG}), camera{format: frame.JPEG}
		good := follow(t, s, 20, time.Hour, 0)
		full := follow(t, s, 20, time.Hour, 2) // they have gone after two frames
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

// BenchmarkRound measures what a frame costs the stream when viewers follow it. ns/op ends when all viewers have taken the frame.
func BenchmarkRound(b *testing.B) {
	for _, viewers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			s, payload := New(Config{Format: frame.JPEG}), make([]byte, 84_000)
			var running, taken sync.WaitGroup
			for range viewers {
				running.Go(func() {
					c := s.NewCursor()
					defer c.Close()
					_ = c.Deliver(b.Context(), time.Hour, func(Delivery) bool { // until the stream ends
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
				s.Append(&Packet{Frame: frame.Frame{Format: frame.JPEG, Seq: seq, Payload: payload}})
				taken.Wait()
			}
			s.CloseWithError(errors.New("end"))
			running.Wait()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(viewers), "ns/delivery")
		})
	}
}
