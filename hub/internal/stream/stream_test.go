package stream_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const interval = 20 * time.Millisecond // of the test cameras' frames

// camera makes the frames of one run of a camera, each with the next number.
type camera struct {
	format media.Codec
	epoch  int64
	seq    uint64
}

func (c *camera) frame(key bool, size int) media.Packet {
	f := media.Packet{Seq: c.seq, PTS: time.Duration(c.seq) * interval, CaptureTime: time.Now(), Epoch: c.epoch, Key: key,
		Payload: make([]byte, size)}
	c.seq++
	return f
}

// add appends one frame for each letter of gop: K is a key frame, p another access unit, and - is lost on the way.
func (c *camera) add(s *stream.Stream, gop string) {
	for _, kind := range gop {
		if f := c.frame(kind == 'K', 100); kind != '-' {
			s.Append(f)
		}
	}
}

// ring shows what s holds: K for a key packet, p for another.
func ring(s *stream.Stream) string {
	out := ""
	for _, p := range s.Ring().Packets {
		out += map[bool]string{true: "K", false: "p"}[p.Key]
	}
	return out
}

func TestJPEGRingHoldsTheNewestOnly(t *testing.T) {
	s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), camera{format: media.JPEG}
	if s.Newest() != nil {
		t.Error("an empty stream has a newest picture")
	}
	if _, _, ok := s.LastFrameTimes(); ok {
		t.Error("an empty stream has a last picture")
	}
	for range 100 {
		f := cam.frame(false, 1000)
		if !s.Append(f) || s.Newest().Seq != f.Seq || ring(s) != "K" {
			t.Fatalf("after frame %d the ring holds %q, newest %v", f.Seq, ring(s), s.Newest())
		}
	}
	if s.Ring().Bytes != 1000 || s.FramesIn.Load() != 100 {
		t.Errorf("%d bytes in the ring, %d frames in: want 1000, 100", s.Ring().Bytes, s.FramesIn.Load())
	}
}

func TestH264RingHoldsTheGOPAndTheTailBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264),
			LiveBudget: time.Second}), camera{format: media.H264}
		cam.add(s, "Kpppp")
		<-time.After(10 * time.Second) // however old: it is the current GOP
		cam.add(s, "pp")
		if got := ring(s); got != "Kpppppp" {
			t.Fatalf("ring %q: want the whole current GOP", got)
		}
		cam.add(s, "K") // now all that is old has no more use
		if got := ring(s); got != "ppK" {
			t.Fatalf("ring %q: want the last GOP's young tail, then the new one", got)
		}
		<-time.After(time.Second)
		cam.add(s, "p")
		if got := ring(s); got != "ppKp" {
			t.Fatalf("ring %q: what is as old as the live budget may still be read", got)
		}
		<-time.After(time.Millisecond)
		cam.add(s, "p")
		if got := ring(s); got != "Kpp" {
			t.Fatalf("ring %q: want the current GOP alone", got)
		}
		if f := s.Newest(); f == nil || !f.Key {
			t.Fatalf("newest %v: want the key frame", f)
		}
	})
}

func TestByteBudgetSmallerThanAGOP(t *testing.T) {
	s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264), MaxBytes: 350}), camera{format: media.H264}
	reader := s.NewCursor()
	defer reader.Close()
	for range 3 {
		cam.add(s, "Kpp")
		for range 3 {
			take(t, reader)
		}
		cam.add(s, "ppp")
		if got := ring(s); got != "ppp" || s.Ring().Bytes != 300 {
			t.Fatalf("ring %q with %d bytes: want the three newest", got, s.Ring().Bytes)
		}
		if s.Newest() != nil {
			t.Error("a decoder cannot start here, but Newest says where")
		}
		late := s.NewCursor()
		wantNone(t, late)
		for range 3 { // who keeps up reads on
			if d := take(t, reader); d.Skipped != 0 {
				t.Errorf("frame %d: skipped %d", d.Seq, d.Skipped)
			}
		}
		cam.add(s, "K")
		if d := take(t, late); !d.Key || d.Index != s.Ring().LastKey {
			t.Errorf("a late viewer starts at frame %d", d.Seq)
		}
		take(t, reader)
		late.Close()
	}
	s.Append(cam.frame(true, 1000)) // larger than the budget: it is shown all the same, alone
	if got := ring(s); got != "K" || s.Ring().Bytes != 1000 {
		t.Errorf("ring %q with %d bytes: want the large frame alone", got, s.Ring().Bytes)
	}
}

func TestReset(t *testing.T) {
	s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264)}), camera{format: media.H264}
	c := s.NewCursor()
	defer c.Close()
	cam.add(s, "Kpp")
	take(t, c)
	s.Reset()
	if s.Newest() != nil || ring(s) != "" || s.Ring().Bytes != 0 {
		t.Errorf("after Reset the ring holds %q", ring(s))
	}
	wantNone(t, c)
	cam.add(s, "pp")
	wantNone(t, c) // nothing can be decoded yet
	if n := s.Drops.Get(drop.NoKey); n != 2 {
		t.Errorf("%d frames dropped for want of a key frame: want 2", n)
	}
	cam.add(s, "Kp")
	if d := take(t, c); !d.Key || d.Skipped != 2 || c.Skipped() != 2 || s.Drops.Get(drop.Lagged) != 2 {
		t.Errorf("got %+v, %d lagged: want the key frame and the two unread frames before Reset as skipped",
			d.Packet.Packet, s.Drops.Get(drop.Lagged))
	}
	(&camera{format: media.H264, epoch: -1}).add(s, "K")
	if s.Drops.Get(drop.OldEpoch) != 1 {
		t.Error("an old epoch was taken")
	}
	s.Reset()
	(&camera{format: media.H264, epoch: -1}).add(s, "K")
	if ring(s) != "K" {
		t.Error("Reset remembers the epoch")
	}
}

func TestCloseWithError(t *testing.T) {
	s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), camera{format: media.JPEG}
	why := errors.New("that is all")
	waiting := s.NewCursor()
	got := make(chan error)
	go func() {
		_, err := waiting.Next(t.Context(), time.Hour)
		got <- err
	}()
	s.CloseWithError(why)
	if err := <-got; !errors.Is(err, why) {
		t.Errorf("a waiting cursor gets %v: want the reason", err)
	}
	waiting.Close()
	cam.add(s, "p")
	late := s.NewCursor()
	defer late.Close()
	if _, err := late.Next(t.Context(), time.Hour); !errors.Is(err, why) {
		t.Errorf("a late cursor gets %v: want the reason", err)
	}
}

func newest(s *stream.Stream) *stream.Packet {
	packets := s.Ring().Packets
	return packets[len(packets)-1]
}

func TestDurationIsThatOfOneFrame(t *testing.T) {
	s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.H264)}), camera{format: media.H264}
	for i, step := range []struct {
		add  string
		want time.Duration
	}{
		{"K", time.Second / 25}, // nothing is known yet
		{"p", interval},
		{"----K", interval}, // the time of the lost ones is not its own
		{"p", interval},
	} {
		cam.add(s, step.add)
		if f := newest(s); f.Duration != step.want {
			t.Errorf("step %d: duration %v: want %v", i, f.Duration, step.want)
		}
	}
	long := cam.frame(true, 1)
	long.PTS += time.Minute
	if s.Append(long); newest(s).Duration != interval {
		t.Errorf("duration %v after a pause of a minute: want the last known one", newest(s).Duration)
	}
	mad := cam.frame(true, 1)
	mad.Seq, mad.PTS = 1<<63+1<<20, long.PTS+time.Second
	s.Forget() // it is believed
	if s.Append(mad); newest(s).Duration != interval {
		t.Errorf("duration %v after a leap of its number: want the last known one", newest(s).Duration)
	}
	next := camera{format: media.H264, epoch: 1, seq: 1000}
	f := next.frame(true, 1)
	if s.Append(f); newest(s).Duration != interval {
		t.Errorf("duration %v across epochs: want the last known one", newest(s).Duration)
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), camera{format: media.JPEG}
		if fps, bps := s.Rate(); fps != 0 || bps != 0 {
			t.Errorf("an empty stream has %v fps, %v bit/s", fps, bps)
		}
		for range 101 {
			s.Append(cam.frame(false, 500))
			<-time.After(interval)
		}
		if fps, bps := s.Rate(); fps != 50 || bps != 200_000 {
			t.Errorf("%v fps, %v bit/s: want 50, 200000", fps, bps)
		}
		<-time.After(stream.RateTimeout)
		if fps, bps := s.Rate(); fps != 0 || bps != 0 {
			t.Errorf("%v fps, %v bit/s after the camera stopped: want 0", fps, bps)
		}
		s.Reset()
		<-time.After(time.Minute)
		s.Append(cam.frame(false, 500))
		if fps, _ := s.Rate(); fps != 0 {
			t.Errorf("%v fps after the first frame of a new subscription", fps)
		}
	})
}

func TestLastFrameTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cam := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), camera{format: media.JPEG}
		f := cam.frame(false, 1)
		<-time.After(time.Second)
		s.Append(f)
		if arrived, captured, ok := s.LastFrameTimes(); !ok || !arrived.Equal(time.Now()) || !captured.Equal(f.CaptureTime) {
			t.Errorf("arrived %v, captured %v, %v", arrived, captured, ok)
		}
	})
}
