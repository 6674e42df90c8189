package ingest

import (
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// SPS of pictures of 16000 by 16000, whole, and cropped to 320 by 240.
const (
	hugeSPS    = "\x67\x42\x00\x1e\xda\x00\x3e\x80\x07\xd1\x90"
	croppedSPS = "\x67\x42\x00\x1e\xda\x00\x3e\x80\x07\xd1\xe0\x01\xea\x18\x00\x7b\x25"
)

func silentReceiver(into *stream.Stream, fps int) *receiver {
	return newReceiver(into, newDropLog(slog.New(slog.NewTextHandler(io.Discard, nil))), "cam.porch.x", Limits{FPS: fps})
}

// TestOverload: of a camera that sends too much the limit is taken, all else is counted once, and what is taken can be
// decoded.
func TestOverload(t *testing.T) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		t.Run(string(format), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCam(t, "porch", format)
				into := c.feed(nil)
				f := silentReceiver(into, 100)
				const sent = 5000 // in 5 s, of which the first hundred may come at once
				for n := range sent {
					f.handle(c.msg(c.frame(n%10 == 0)))
					<-time.After(time.Millisecond)
				}
				in, drops := into.FramesIn.Load(), into.Drops.Map()
				if format == frame.JPEG && (in < 590 || in > 605) {
					t.Errorf("%d frames of %d came in: want 100 a second and 100 at once", in, sent)
				}
				if format == frame.H264 && (in < 100 || in > 605) {
					t.Errorf("%d frames of %d came in", in, sent)
				}
				if drops["flood"] < sent-605 {
					t.Errorf("dropped %v", drops)
				}
				if total := in + drops["flood"] + drops["gap"]; total != sent || len(drops) > 2 {
					t.Errorf("%d in and dropped %v make %d: want each of %d counted once", in, drops, total, sent)
				}
				if since, ok := into.RateLimitedSince(time.Now()); !ok || time.Since(since) < 4*time.Second {
					t.Errorf("flooded since %v: %v", since, ok)
				}
				<-time.After(6 * time.Second)
				if _, ok := into.RateLimitedSince(time.Now()); ok {
					t.Error("the overload is not over when nothing was dropped for 6 s")
				}
				before := into.FramesIn.Load()
				for n := range 50 {
					f.handle(c.msg(c.frame(n == 0)))
				}
				if got := into.FramesIn.Load() - before; got != 50 {
					t.Errorf("after the overload %d frames of 50 came in", got)
				}
			})
		})
	}
}

// TestOverloadOfProbes: a probe is no frame, and is not counted as one.
func TestOverloadOfProbes(t *testing.T) {
	c := newCam(t, "porch", frame.JPEG)
	into := c.feed(nil)
	f := silentReceiver(into, 1)
	for range 100 {
		msg := c.msg(c.frame(false))
		msg.Data = nil
		f.handle(msg)
	}
	f.handle(c.msg(c.frame(false)))
	if d := into.Drops.Map(); into.FramesIn.Load() != 1 || len(d) != 0 {
		t.Errorf("%d in, dropped %v: want the frame and no drops", into.FramesIn.Load(), d)
	}
}

// TestHeaders: a header that is far too large is never read, and its frame is none.
func TestHeaders(t *testing.T) {
	in := dial(t, testutil.StartNATS(t), testutil.Log(t))
	agent := testutil.Connect(t, in.nc.ConnectedUrl())
	c := newCam(t, "porch", frame.JPEG)
	into := c.feed(in)
	flush(t, in.nc)
	large := func(room int) *nats.Msg {
		msg := c.msg(c.frame(false))
		msg.Header.Set("X-Room", strings.Repeat("x", room))
		return msg
	}
	publish(t, agent, large(3500))
	publish(t, agent, large(4096))
	publish(t, agent, large(frame.MaxPayload-10_000))
	testutil.Eventually(t, "all have come", func() bool {
		return into.FramesIn.Load() == 1 &&
			into.Drops.Map()["decode"] == 2
	})
}

// TestBandwidth: of a camera that sends too many bytes the limit is taken.
func TestBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCam(t, "porch", frame.JPEG)
		into := c.feed(nil)
		f := newReceiver(into, newDropLog(slog.New(slog.NewTextHandler(io.Discard, nil))), "cam.porch.x",
			Limits{Bandwidth: 10})
		picture := append(append([]byte(tinyJPEG[:len(tinyJPEG)-2]), make([]byte, 1e6)...), 0xff, 0xd9)
		for range 1000 { // 100 MB a second
			f.handle(c.msg(c.with(false, picture)))
			<-time.After(10 * time.Millisecond)
		}
		if in, drops := into.FramesIn.Load(), into.Drops.Map(); in < 105 || in > 110 || drops["flood"] != 1000-in {
			t.Errorf("%d frames of 1 MB in 10 s came in, dropped %v: want 10 a second, and 8 at once", in, drops)
		}
	})
}

// TestSuspend: the hub unsubscribes from a camera above its limits, subscribes again, and counts what it missed as
// rate-limited.
func TestSuspend(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agent := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	c := newCam(t, "porch", frame.JPEG)
	into := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)})
	sub := &subscription{in: in, receiver: newReceiver(into, in.dropLog, "cam.porch.jpeg", Limits{FPS: 10}),
		wait: time.Hour}
	sub.receiver.overloaded = sub.suspend
	sub.resubscribe()
	t.Cleanup(sub.end)
	flush(t, bulkConnOf(t, in))
	for range 11 { // one too many
		publish(t, agent, c.msg(c.frame(false)))
	}
	testutil.Eventually(t, "the camera above its limits is unsubscribed from", func() bool {
		_, err := agent.Request("cam.porch.jpeg", nil, 100*time.Millisecond)
		return errors.Is(err, nats.ErrNoResponders)
	})
	for range 5 {
		publish(t, agent, c.msg(c.frame(false))) // into the void
	}
	flush(t, agent)
	sub.mu.Lock()
	sub.receiver.frames = nil // a fast machine is here again before the limit has room for one frame
	sub.mu.Unlock()
	sub.resubscribe()
	flush(t, bulkConnOf(t, in))
	publish(t, agent, c.msg(c.frame(false)))
	testutil.Eventually(t, "the next frame has come", func() bool { return into.FramesIn.Load() == 11 })
	if drops := into.Drops.Map(); drops["flood"] != 6 || len(drops) != 1 {
		t.Errorf("dropped %v, want 6 rate-limited", drops)
	}
}

// TestDimensions: a picture that says it is enormous is dropped for that, before anything decodes it, whatever its
// bytes.
func TestDimensions(t *testing.T) {
	jpeg := func(width, height uint16) []byte {
		b := []byte(tinyJPEG)
		at := strings.Index(tinyJPEG, "\xff\xc0")
		binary.BigEndian.PutUint16(b[at+5:], height)
		binary.BigEndian.PutUint16(b[at+7:], width)
		return b
	}
	for _, c := range []struct {
		name    string
		format  frame.Format
		payload []byte
		taken   bool
	}{
		{"all that 16 bits can say", frame.JPEG, jpeg(65535, 65535), false},
		{"a side too long", frame.JPEG, jpeg(16385, 1), false},
		{"a height too long", frame.JPEG, jpeg(1, 16385), false},
		{"too many pixels", frame.JPEG, jpeg(8193, 8192), false},
		{"as many as allowed", frame.JPEG, jpeg(8192, 8192), true},
		{"the longest side", frame.JPEG, jpeg(16384, 4096), true},
		{"H.264 too large", frame.H264, unit(long, hugeSPS, pps, idr), false},
		{"H.264 too large before cropping", frame.H264, unit(long, croppedSPS, pps, idr), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cam := newCam(t, "porch", c.format)
			into := cam.feed(nil)
			f := silentReceiver(into, 0)
			f.handle(cam.msg(cam.with(true, c.payload)))
			if taken := into.FramesIn.Load() == 1; taken != c.taken || into.Drops.Get(drop.Dimensions) == 1 == c.taken {
				t.Errorf("taken: %v, dropped %v", taken, into.Drops.Map())
			}
			f.handle(cam.msg(cam.frame(true)))
			if into.FramesIn.Load() == 0 {
				t.Errorf("the next good picture was dropped: %v", into.Drops.Map())
			}
		})
	}
}

// TestOversize: a frame over the limit, which another NATS system may let through, is dropped for that.
func TestOversize(t *testing.T) {
	c := newCam(t, "porch", frame.JPEG)
	into := c.feed(nil)
	silentReceiver(into, 0).handle(c.msg(c.with(false, make([]byte, frame.MaxPayload+1))))
	if d := into.Drops.Map(); d["oversize"] != 1 || len(d) != 1 {
		t.Errorf("dropped %v", d)
	}
}

// TestRefusedStatus: what is no status document, or is too large for one, is counted.
func TestRefusedStatus(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agent := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	listen(t, in)
	for _, data := range [][]byte{[]byte("x"), make([]byte, 65<<10), []byte(`{"camera":"yard"}`)} {
		publish(t, agent, &nats.Msg{Subject: "cam.porch.status", Data: data})
	}
	flush(t, agent)
	testutil.Eventually(t, "all are counted", func() bool { return in.refused.Count(metrics.RefusedStatus) == 3 })
	if _, err := decodeInfo(make([]byte, maxInfo+1)); err == nil {
		t.Error("an info of any size is taken")
	}
}

// BenchmarkFeed measures what a JPEG of a camera costs on its way into the ring, and one that is shed.
func BenchmarkFeed(b *testing.B) {
	payload := append([]byte(tinyJPEG[:len(tinyJPEG)-2]), make([]byte, 84_000)...)
	payload = append(payload, 0xff, 0xd9)
	run := func(b *testing.B, handle func(*nats.Msg)) {
		h := frame.Header{}
		f := frame.Frame{Format: frame.JPEG, Epoch: 1, Payload: payload}
		frame.Encode(h, &f)
		msg := &nats.Msg{Subject: "cam.porch.jpeg", Header: nats.Header(h), Data: payload}
		b.ReportAllocs()
		for b.Loop() {
			f.Seq++
			frame.Encode(h, &f)
			handle(msg)
		}
	}
	b.Run("taken", func(b *testing.B) {
		run(b, silentReceiver(stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), 0).handle)
	})
	b.Run("taken, limited", func(b *testing.B) {
		run(b, silentReceiver(stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), 1e9).handle)
	})
	b.Run("shed", func(b *testing.B) {
		run(b, silentReceiver(stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)}), 1).handle)
	})
}
