package cameras

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/fanout"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

func TestLinger(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		first, second := view(t, r, media.JPEG), view(t, r, media.JPEG)
		if a.seen().feeds != 1 || len(a.seen().wakes) != 1 || porch(t, r).Info().Viewers != 2 {
			t.Fatalf("%d subscriptions, woken %d times for two viewers: want once each", a.seen().feeds, len(a.seen().wakes))
		}
		deliver(r, a, time.Second)
		first.Close()
		deliver(r, a, time.Minute)
		if a.seen().stops != 0 {
			t.Fatal("unsubscribed under a viewer")
		}
		second.Close()
		deliver(r, a, 9*time.Second)
		if a.seen().stops != 0 || !porch(t, r).Info().Watched {
			t.Fatal("unsubscribed within the linger time")
		}
		third := view(t, r, media.JPEG)
		if d, err := third.Next(t.Context(), 0); err != nil || time.Since(d.Arrived) > time.Second {
			t.Errorf("%v: a viewer within the linger time has to wait for a picture", err)
		}
		third.Close()
		deliver(r, a, 9*time.Second)
		if a.seen().stops != 0 {
			t.Fatal("the linger time begins with the last viewer")
		}
		deliver(r, a, 2*time.Second)
		if a.seen().stops != 1 || a.seen().feeds != 1 || porch(t, r).Info().Watched {
			t.Fatalf("%d subscriptions made, %d ended after the linger time: want 1 each", a.seen().feeds, a.seen().stops)
		}
	})
}

func TestRingIsEmptiedAfterTheLinger(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		a.answer(func(context.Context, string) (status.Status, error) { return word(status.Idle), nil })
		view(t, r, media.JPEG).Close()
		late := a.seen().into
		late.Append(media.Packet{Payload: []byte{1}})
		pass(11 * time.Second)
		if late.Newest() != nil || !porch(t, r).Info().Received.IsZero() {
			t.Error("a picture is left after the linger time")
		}
		// One that was under way when the subscription ended comes after all.
		late.Append(media.Packet{Payload: []byte{1}})
		pass(time.Minute)
		v := view(t, r, media.JPEG)
		defer v.Close()
		if d, err := v.Next(t.Context(), 0); !errors.Is(err, stream.ErrTimeout) {
			t.Errorf("a new viewer is shown %+v, %v: want nothing stale", d, err)
		}
		did := a.seen()
		if did.feeds != 2 || len(did.wakes) < 2 || !did.wakes[len(did.wakes)-1].Equal(time.Now()) {
			t.Errorf("%d subscriptions, woken at %v: want a second one, and a wake now", did.feeds, did.wakes)
		}
	})
}

func TestSubscribeToAnotherCodec(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		if v, err := porch(t, r).Subscribe(media.H264, Viewer); v != nil || !errors.Is(err, ErrNotNative) ||
			!strings.Contains(err.Error(), "porch delivers jpeg") {
			t.Errorf("got %v, %v: want ErrNotNative and what there is", v, err)
		}
		if _, err := porch(t, r).Picture(t.Context(), media.H264, 0, 0); !errors.Is(err, ErrNotNative) {
			t.Errorf("got %v: want ErrNotNative", err)
		}
		if a.seen().feeds != 0 {
			t.Error("subscribed without a reader")
		}
	})
}

func TestSubscribeFails(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		closed := errors.New("connection closed")
		a.set(func() { a.feedErr = closed })
		if v, err := porch(t, r).Subscribe(media.JPEG, Viewer); v != nil || !errors.Is(err, closed) {
			t.Errorf("got %v, %v: want the reason", v, err)
		}
		if n := porch(t, r).Info().Viewers; n != 0 {
			t.Errorf("%d viewers", n)
		}
		a.set(func() { a.feedErr = nil })
		view(t, r, media.JPEG).Close()
	})
}

func TestFormatChangeEndsTheViewers(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		v := view(t, r, media.JPEG)
		ended := make(chan error)
		go func() {
			_, err := v.Next(t.Context(), time.Hour)
			ended <- err
		}()
		synctest.Wait()
		s := word(status.Live)
		s.Instance, s.Started, s.Format = "two", s.Started.Add(time.Hour), frame.H264
		r.OnStatus(s)
		if err := <-ended; !errors.Is(err, ErrNotNative) || !strings.Contains(err.Error(), "h264") {
			t.Errorf("the viewer gets %v: want ErrNotNative and what there is now", err)
		}
		v.Close()
		if a.seen().stops != 1 || porch(t, r).Info().Viewers != 0 {
			t.Errorf("%d subscriptions ended, %d viewers: want 1, 0", a.seen().stops, porch(t, r).Info().Viewers)
		}
		again := view(t, r, media.H264)
		if a.seen().feeds != 2 || a.seen().into.Codec() != media.H264 {
			t.Errorf("%d subscriptions, the last for %s", a.seen().feeds, a.seen().into.Codec())
		}
		again.Close()
		pass(11 * time.Second)
		if a.seen().stops != 2 {
			t.Errorf("%d subscriptions ended: want 2", a.seen().stops)
		}
	})
}

// picture is a frame with one byte.
func picture(seq uint64, key bool) media.Packet {
	return media.Packet{Seq: seq, Key: key, Payload: []byte{byte(seq)}}
}

func TestPicture(t *testing.T) {
	const maxAge, wait = 2 * time.Second, 5 * time.Second
	for _, c := range []struct {
		name   string
		age    time.Duration // of the picture in memory; 0 means none
		maxAge time.Duration
		next   time.Duration // until another one comes; 0 means none
		seq    uint64        // of the picture that is wanted; 0 means none
		after  time.Duration
	}{
		{"newest from memory", time.Second, maxAge, time.Second, 1, 0},
		{"just young enough", maxAge, maxAge, time.Second, 1, 0},
		{"too old", maxAge + 1, maxAge, time.Second, 2, time.Second},
		{"none yet", 0, maxAge, 3 * time.Second, 2, 3 * time.Second},
		{"only one that is captured from now on", time.Millisecond, 0, time.Second, 2, time.Second},
		{"too old and no other", time.Minute, maxAge, 0, 0, wait},
		{"none at all", 0, maxAge, 0, 0, wait},
	} {
		t.Run(c.name, func(t *testing.T) {
			inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
				s := word(status.Degraded)
				s.Reason = "the lens cap is on"
				a.answer(func(context.Context, string) (status.Status, error) { return s, nil })
				holder := view(t, r, media.JPEG) // or the picture in memory would be forgotten
				defer holder.Close()
				r.OnStatus(s)
				if c.age > 0 {
					a.seen().into.Append(picture(1, false))
					pass(c.age)
				}
				if c.next > 0 {
					time.AfterFunc(c.next, func() { a.seen().into.Append(picture(2, false)) })
				}
				began := time.Now()
				f, err := porch(t, r).Picture(t.Context(), media.JPEG, c.maxAge, wait)
				if time.Since(began) != c.after {
					t.Errorf("answered after %v: want %v", time.Since(began), c.after)
				}
				switch {
				case c.seq > 0 && (err != nil || f.Seq != c.seq):
					t.Errorf("got %v, %v: want picture %d", f, err, c.seq)
				case c.seq == 0 && (!errors.Is(err, ErrOffline) || !strings.Contains(err.Error(), "the lens cap is on")):
					t.Errorf("got %v, %v: want ErrOffline with the agent's reason", f, err)
				}
				if n := porch(t, r).Info().Viewers; n != 1 {
					t.Errorf("%d viewers are left: want 1", n)
				}
				pass(c.next)
			})
		})
	}
}

func TestPictureOfAnOfflineCamera(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		v := view(t, r, media.JPEG)
		defer v.Close()
		a.seen().into.Append(picture(1, false))
		r.OnStatus(word(status.Stopped))
		if f, err := porch(t, r).Picture(t.Context(), media.JPEG, time.Second, time.Hour); err != nil || f.Seq != 1 {
			t.Errorf("got %v, %v: want the young picture in memory", f, err)
		}
		pass(2 * time.Second)
		began := time.Now()
		f, err := porch(t, r).Picture(t.Context(), media.JPEG, time.Second, time.Hour)
		if !errors.Is(err, ErrOffline) || !strings.Contains(err.Error(), "the agent was stopped") || time.Since(began) != 0 {
			t.Errorf("got %v, %v after %v: want ErrOffline with the reason, at once", f, err, time.Since(began))
		}
	})
}

func TestPictureEndsWithTheRequest(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, _ *fakeAgents) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if f, err := porch(t, r).Picture(ctx, media.JPEG, time.Second, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, %v: want the context's error", f, err)
		}
	})
}

// A picture of an H.264 camera is one that decodes alone.
func TestPictureOfH264(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		s := word(status.Live)
		s.Format = frame.H264
		r.OnStatus(s)
		v := view(t, r, media.H264)
		defer v.Close()
		a.seen().into.Append(picture(1, true))
		pass(time.Second)
		a.seen().into.Append(picture(2, false))
		time.AfterFunc(time.Second, func() { a.seen().into.Append(picture(3, false)) })
		time.AfterFunc(2*time.Second, func() { a.seen().into.Append(picture(4, true)) })
		if f, err := porch(t, r).Picture(t.Context(), media.H264, time.Second/2, 5*time.Second); err != nil || f.Seq != 4 {
			t.Errorf("got %+v, %v: want the key frame 4", f, err)
		}
		if f, err := porch(t, r).Picture(t.Context(), media.H264, time.Second, 0); err != nil || f.Seq != 4 {
			t.Errorf("got %+v, %v: want the key frame 4 from memory", f, err)
		}
	})
}

// TestHolder: a recorder keeps the camera's stream subscribed, and is no viewer.
func TestHolder(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		holder, err := porch(t, r).Subscribe("", Holder)
		if err != nil {
			t.Fatal(err)
		}
		tracks := holder.Tracks()
		if len(tracks) != 1 || tracks[0].Codec != media.JPEG || tracks[0].ClockRate != media.VideoClockRate {
			t.Errorf("tracks %+v", tracks)
		}
		viewer := view(t, r, media.JPEG)
		if n := porch(t, r).Info().Viewers; n != 1 {
			t.Errorf("%d viewers: want 1", n)
		}
		viewer.Close()
		deliver(r, a, time.Minute)
		if i := porch(t, r).Info(); !i.Watched || i.Viewers != 0 || a.seen().stops != 0 {
			t.Errorf("watched %v, %d viewers, %d subscriptions ended", i.Watched, i.Viewers, a.seen().stops)
		}
		holder.CloseUnused(time.Now().Add(-8 * time.Second)) // the linger time counts from then
		deliver(r, a, 3*time.Second)
		if a.seen().stops != 1 {
			t.Error("the stream goes on")
		}
	})
}

// TestRequestKeyFrame: requests are passed on, but not too often, and not right after a wake.
func TestRequestKeyFrame(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		v := view(t, r, media.JPEG)
		v.RequestKeyFrame()
		if n := len(a.seen().keyFrames); n != 0 {
			t.Errorf("%d requests right after the camera was woken", n)
		}
		for range 30 {
			pass(100 * time.Millisecond)
			a.seen().into.Append(picture(a.seen().into.FramesIn.Load()+1, true))
			v.RequestKeyFrame()
		}
		if n := len(a.seen().keyFrames); n != 3 {
			t.Errorf("%d requests in three seconds: want 3", n)
		}
		v.Close()
		pass(11 * time.Second)
		v.RequestKeyFrame()
		if n := len(a.seen().keyFrames); n != 3 {
			t.Error("a request for a camera that is not subscribed to")
		}
	})
}

// TestDerived: the streams that are made of a camera's have viewers too, and their own reason.
func TestDerived(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, _ *fakeAgents) {
		s := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264)})
		released, keyFrames := 0, 0
		d := Derived{
			Group: fanout.New(s), RequestKeyFrame: func() { keyFrames++ },
			Reason: func() string { return "the encoder rests" }, Release: func() { released++ },
		}
		viewer, holder := porch(t, r).SubscribeDerived(d, Viewer), porch(t, r).SubscribeDerived(d, Holder)
		if n := porch(t, r).Info().Viewers; n != 1 {
			t.Errorf("%d viewers: want 1", n)
		}
		viewer.RequestKeyFrame()
		if viewer.Reason() != "the encoder rests" || viewer.Tracks()[0].Codec != media.H264 || keyFrames != 1 ||
			viewer.Camera().ID() != "porch" {
			t.Errorf("reason %q, tracks %+v, %d requests", viewer.Reason(), viewer.Tracks(), keyFrames)
		}
		viewer.Close()
		holder.Close()
		if n := porch(t, r).Info().Viewers; n != 0 || released != 2 {
			t.Errorf("%d viewers, released %d times", n, released)
		}
	})
}
