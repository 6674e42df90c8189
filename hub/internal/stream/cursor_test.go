package stream_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

// take returns the frame that waits for c.
func take(t *testing.T, c *stream.Cursor) stream.Delivery {
	t.Helper()
	d, err := c.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func wantNone(t *testing.T, c *stream.Cursor) {
	t.Helper()
	if d, err := c.Next(t.Context(), 0); !errors.Is(err, stream.ErrTimeout) {
		t.Errorf("got %+v, %v: want no frame", d, err)
	}
}

// wantSeqs takes frames and compares their numbers.
func wantSeqs(t *testing.T, c *stream.Cursor, seqs ...uint64) {
	t.Helper()
	for _, seq := range seqs {
		if d := take(t, c); d.Seq != seq {
			t.Errorf("got frame %d: want %d", d.Seq, seq)
		}
	}
}

func TestJPEGCursorTakesTheNewest(t *testing.T) {
	s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), camera{format: media.JPEG}
	c := s.NewCursor()
	defer c.Close()
	wantNone(t, c)
	cam.add(s, "ppp")
	if d := take(t, c); d.Seq != 2 || d.Skipped != 0 || d.Preroll {
		t.Errorf("first picture %+v: want the newest, nothing skipped", d)
	}
	wantNone(t, c) // none twice
	cam.add(s, "p")
	if d := take(t, c); d.Seq != 3 || d.Skipped != 0 {
		t.Errorf("got %+v: want frame 3", d)
	}
	cam.add(s, "pppp")
	if d := take(t, c); d.Seq != 7 || d.Skipped != 3 {
		t.Errorf("got %+v: want frame 7, three skipped", d)
	}
	if s.BytesIn.Load() == 0 || s.BytesOut.Load() == 0 || s.BytesOut.Load() > s.BytesIn.Load() {
		t.Errorf("%d bytes came in, %d went out to one viewer who skipped some", s.BytesIn.Load(), s.BytesOut.Load())
	}
	if c.Skipped() != 3 || s.Drops.Get(drop.Lagged) != 3 || s.FramesOut.Load() != 3 {
		t.Errorf("%d skipped, %d lagged, %d out: want 3 each", c.Skipped(), s.Drops.Get(drop.Lagged), s.FramesOut.Load())
	}
}

func TestLateViewerStartsAtTheKeyFrame(t *testing.T) {
	s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264)}), camera{format: media.H264}
	cam.add(s, "KppKppp")
	c := s.NewCursor()
	defer c.Close()
	for i, history := range []bool{true, true, true, false} {
		d := take(t, c)
		if d.Seq != uint64(i+3) || d.Preroll != history || d.Skipped != 0 {
			t.Errorf("frame %d, history %v, skipped %d: want %d, %v, 0", d.Seq, d.Preroll, d.Skipped, i+3, history)
		}
		if want := (stream.JoinPoint{Index: 6, PTS: 6 * interval}); d.JoinPoint != want {
			t.Errorf("edge %+v: want %+v, the newest frame when the viewer came", d.JoinPoint, want)
		}
	}
	wantNone(t, c)
	cam.add(s, "pK")
	for range 2 {
		if d := take(t, c); d.Preroll {
			t.Errorf("frame %d is history: it came after the viewer", d.Seq)
		}
	}
	edge := s.NewCursor() // the key frame is the live edge
	defer edge.Close()
	if d := take(t, edge); d.Seq != 8 || d.Preroll {
		t.Errorf("frame %d, history %v: want 8, false", d.Seq, d.Preroll)
	}
}

func TestEarlyViewerWaitsForTheKeyFrame(t *testing.T) {
	s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264)}), camera{format: media.H264, seq: 5}
	c := s.NewCursor()
	defer c.Close()
	cam.add(s, "pp")
	wantNone(t, c)
	cam.add(s, "Kp")
	wantSeqs(t, c, 7, 8)
}

func TestSlowViewerJumpsToTheNewestKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264),
			LiveBudget: time.Second}), camera{format: media.H264}
		c := s.NewCursor()
		defer c.Close()
		cam.add(s, "Kpp")
		wantSeqs(t, c, 0)
		<-time.After(time.Minute)
		wantSeqs(t, c, 1) // old, but there is no newer key frame
		cam.add(s, "Kp")
		d := take(t, c)
		if d.Seq != 3 || d.Skipped != 1 || !d.Preroll {
			t.Errorf("got %+v: want the key frame 3, one skipped, on the way to the live edge", d)
		}
		wantSeqs(t, c, 4)
		cam.add(s, "pK")
		<-time.After(time.Second)
		wantSeqs(t, c, 5, 6) // a second late: just within the budget
		cam.add(s, "ppKp")
		<-time.After(time.Second + 1)
		if d := take(t, c); d.Seq != 9 || d.Skipped != 2 {
			t.Errorf("got %+v: want the key frame 9, two skipped", d)
		}
		if s.Drops.Get(drop.Lagged) != 3 || c.Skipped() != 3 {
			t.Errorf("%d lagged: want 3", s.Drops.Get(drop.Lagged))
		}
	})
}

func TestStalledViewerFallsOutOfTheRing(t *testing.T) {
	s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264), MaxBytes: 450}), camera{format: media.H264}
	c := s.NewCursor()
	defer c.Close()
	cam.add(s, "Kp")
	wantSeqs(t, c, 0)
	cam.add(s, "pppppp")
	wantNone(t, c) // what it needs is gone, and nothing that is left can be decoded
	cam.add(s, "Kp")
	if d := take(t, c); d.Seq != 8 || d.Skipped != 7 {
		t.Errorf("got %+v: want the key frame 8, seven skipped", d)
	}
}

func TestViewerCrossesEpochs(t *testing.T) {
	s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264)}), camera{format: media.H264, epoch: 1}
	c := s.NewCursor()
	defer c.Close()
	cam.add(s, "Kpp")
	take(t, c)
	cam = camera{format: media.H264, epoch: 2, seq: 40}
	cam.add(s, "ppKp")
	wantSeqs(t, c, 1, 2, 42, 43)
	wantNone(t, c)
	if c.Skipped() != 0 {
		t.Errorf("%d skipped: want 0, since nothing that could be shown was left out", c.Skipped())
	}
}

func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), camera{format: media.JPEG}
		c := s.NewCursor()
		defer c.Close()
		for _, quiet := range []time.Duration{-time.Second, 0, time.Second, 3 * time.Second} {
			began := time.Now()
			if _, err := c.Next(t.Context(), quiet); !errors.Is(err, stream.ErrTimeout) || time.Since(began) != max(quiet, 0) {
				t.Errorf("%v after %v: want ErrTimeout after %v", err, time.Since(began), quiet)
			}
		}
		go func() {
			<-time.After(time.Second)
			cam.add(s, "p")
		}()
		began := time.Now()
		if d, err := c.Next(t.Context(), time.Minute); err != nil || d.Seq != 0 || time.Since(began) != time.Second {
			t.Errorf("got %+v, %v after %v: want a frame after 1s", d, err, time.Since(began))
		}
		// The timer of that call still runs: it must not shorten the next one.
		<-time.After(59*time.Second - 1)
		began = time.Now()
		if _, err := c.Next(t.Context(), 10*time.Second); !errors.Is(err, stream.ErrTimeout) ||
			time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v: want ErrTimeout after 10s", err, time.Since(began))
		}
	})
}

// A frame that the cursor may not have yet must not restart its patience.
func TestNextTimesOutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264), MaxBytes: 1000}), camera{format: media.H264}
		cam.add(s, "Kpppppppppp") // the key frame has fallen out: a late viewer waits
		c := s.NewCursor()
		defer c.Close()
		var publisher sync.WaitGroup
		publisher.Go(func() {
			for range 20 {
				<-time.After(99 * time.Millisecond)
				cam.add(s, "p")
			}
		})
		began := time.Now()
		if _, err := c.Next(t.Context(), time.Second); !errors.Is(err, stream.ErrTimeout) ||
			time.Since(began) != time.Second {
			t.Errorf("%v after %v: want ErrTimeout after 1s", err, time.Since(began))
		}
		publisher.Wait()
	})
}

func TestNextEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), camera{format: media.JPEG}
		c := s.NewCursor()
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-time.After(time.Second)
			cancel()
		}()
		if _, err := c.Next(ctx, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v: want the context's error", err)
		}
		cam.add(s, "p")
		if _, err := c.Next(ctx, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v: want the context's error though there is a frame", err)
		}
		if s.FramesOut.Load() != 0 {
			t.Error("a frame was counted as delivered to a viewer who has left")
		}
		wantSeqs(t, c, 0) // it is not lost
	})
}

// The hot path costs no garbage: what Append makes is made once per frame, not once per viewer.
func TestNextDoesNotAllocate(t *testing.T) {
	const runs = 200
	for _, format := range []media.Codec{media.JPEG, media.H264} {
		s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(format)}), camera{format: format}
		c := s.NewCursor()
		defer c.Close()
		cam.add(s, "K")
		take(t, c)
		wantNone(t, c) // makes the timer
		ctx := t.Context()
		if n := testing.AllocsPerRun(runs, func() { _, _ = c.Next(ctx, 0) }); n != 0 {
			t.Errorf("%s: %v allocations for a call without a frame: want 0", format, n)
		}
		for range runs + 1 {
			cam.add(s, "p")
		}
		before := s.FramesOut.Load()
		if n := testing.AllocsPerRun(runs, func() {
			if format == media.JPEG {
				c.Rewind() // as if the picture were new
			}
			_, _ = c.Next(ctx, 0)
		}); n != 0 {
			t.Errorf("%s: %v allocations for a call with a frame: want 0", format, n)
		}
		if got := s.FramesOut.Load() - before; got != runs+1 {
			t.Errorf("%s: %d frames delivered: want %d", format, got, runs+1)
		}
	}
}
