package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

// Await does not take what it has found, so that what comes until it is taken is not missed and what is skipped is
// counted once.
func TestWaitReadyTakesNothing(t *testing.T) {
	for _, format := range []media.Codec{media.JPEG, media.H264} {
		s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(format)}), camera{format: format}
		c := s.NewCursor()
		defer c.Close()
		if err := c.WaitReady(t.Context(), 0); !errors.Is(err, stream.ErrTimeout) {
			t.Errorf("%s: %v before the first frame", format, err)
		}
		first, more := "p", "ppp"
		if format == media.H264 {
			first, more = "K", "pKp"
		}
		cam.add(s, first)
		for range 3 {
			if err := c.WaitReady(t.Context(), 0); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
		wantSeqs(t, c, 0)
		if err := c.WaitReady(t.Context(), 0); !errors.Is(err, stream.ErrTimeout) {
			t.Errorf("%s: %v after the last frame", format, err)
		}
		cam.add(s, more)
		for range 2 {
			if err := c.WaitReady(t.Context(), 0); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
		if format == media.JPEG {
			wantSeqs(t, c, 3)
			if got := s.Drops.Get(drop.Lagged); got != 2 || c.Skipped() != 2 {
				t.Errorf("%d lagged, %d skipped: want 2", got, c.Skipped())
			}
		} else {
			wantSeqs(t, c, 1, 2, 3)
		}
	}
}

// Await waits as long as it may, and returns when a frame comes, ctx ends or the stream does.
func TestWaitReadyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), camera{format: media.JPEG}
		ctx, cancel := context.WithCancel(t.Context())
		c := s.NewCursor()
		defer c.Close()
		begin := time.Now()
		if err := c.WaitReady(ctx, time.Second); !errors.Is(err, stream.ErrTimeout) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		why := errors.New("over")
		for _, test := range []struct {
			act  func()
			want error
		}{
			{func() { cam.add(s, "p") }, nil},
			{cancel, context.Canceled},
			{func() { s.CloseWithError(why) }, why},
		} {
			done := make(chan error, 1)
			go func() { done <- c.WaitReady(ctx, time.Hour) }()
			synctest.Wait()
			test.act()
			if err := <-done; !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if test.want == nil {
				wantSeqs(t, c, 0)
			}
			if errors.Is(test.want, context.Canceled) {
				ctx = t.Context()
			}
		}
	})
}
