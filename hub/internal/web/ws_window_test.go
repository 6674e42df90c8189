package web

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// TestWSWindow: a client that does not acknowledge gets as many frames as its window holds. The hub queues nothing:
// after an acknowledgement it sends the newest picture.
func TestWSWindow(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	desk := r.camera("desk", frame.JPEG)
	for _, window := range []uint32{1, 3, 64} {
		desk.picture()
		c := r.dial()
		c.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg","window":%d}`, window)
		c.expect("watching", 1)
		c.frame(1)
		for range window - 1 {
			desk.picture()
			c.frame(1)
		}
		out := desk.stream.FramesOut.Load()
		var want []byte
		for range 5 {
			want = desk.picture()
		}
		c.silent()
		if got := desk.stream.FramesOut.Load(); got != out {
			t.Errorf("window %d: the hub has taken %d frames that it may not send", window, got-out)
		}
		c.ack(1, 1)
		if f := c.frame(1); !bytes.Equal(f.payload, want) || f.flags != flagKey|flagSkipped {
			t.Errorf("window %d: %q with flags %d, want the newest, %q", window, f.payload, f.flags, want)
		}
		desk.picture()
		c.ack(1, 1) // the same again counts for nothing
		c.ack(1, 0)
		c.silent()
		c.ack(1, window+1) // all
		if f := c.frame(1); f.seq != desk.seq || f.flags != flagKey {
			t.Errorf("window %d: frame %d with flags %d", window, f.seq, f.flags)
		}
		_ = c.ws.CloseNow() // as a browser may
		desk.viewers(0)
	}
}

// TestWSSlotsAreIndependent: a client that reads nothing gets no more frames than its window, and does not delay
// other clients.
func TestWSSlotsAreIndependent(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	desk, yard := r.camera("desk", frame.JPEG), r.camera("yard", frame.JPEG)
	desk.picture()
	yard.picture()
	c := r.dial()
	c.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg","window":1}`)
	c.expect("watching", 1)
	c.frame(1)
	c.say(`{"op":"watch","slot":2,"camera":"yard","kind":"jpeg","window":1}`)
	c.expect("watching", 2)
	for n := range uint32(20) {
		if f := c.frame(2); f.seq != yard.seq {
			t.Errorf("frame %d, want %d", f.seq, yard.seq)
		}
		desk.picture()
		c.ack(2, n+1)
		yard.picture()
	}
}

// TestWSRate: fps is the highest rate. The newest picture is sent even if it came too early and no other follows.
func TestWSRate(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.times.Idle = moment })
	desk := r.camera("desk", frame.JPEG)
	desk.picture()
	c := r.dial()
	c.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg","fps":5,"window":64}`)
	c.expect("watching", 1)
	began := time.UnixMicro(c.frame(1).arrived)
	for range 9 {
		desk.picture()
	}
	for {
		m := c.read()
		if m.frame == nil {
			continue // quiet
		}
		if m.frame.seq != desk.seq {
			t.Errorf("frame %d, want the newest, %d", m.frame.seq, desk.seq)
		}
		if after := time.Since(began); after < 150*time.Millisecond {
			t.Errorf("the second picture came after %v", after)
		}
		return
	}
}

// TestWSQuiet: without frames the client gets the reason again and again. The slot continues when the camera does.
func TestWSQuiet(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.times.Idle = moment })
	desk := r.camera("desk", frame.JPEG)
	c := r.dial()
	c.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg"}`)
	if m := c.expect("quiet", 1); m.Reason != "" {
		t.Errorf("%+v", m)
	}
	desk.say(status.Stopped, "")
	for m := c.expect("quiet", 1); m.Reason != "the agent was stopped"; m = c.expect("quiet", 1) {
		if m.Reason != "" {
			t.Fatalf("%+v", m)
		}
	}
	desk.say(status.Live, "")
	want := desk.picture()
	m := c.read()
	for ; m.Op == "quiet"; m = c.read() {
		continue
	}
	if m.Op != "watching" || !bytes.Equal(c.frame(1).payload, want) {
		t.Errorf("%+v", m)
	}
}

// TestWSNewSize: a picture of another size is announced.
func TestWSNewSize(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	desk := r.camera("desk", frame.JPEG)
	size := func(width int) {
		desk.append(media.Packet{Payload: []byte("x"), Width: width, Height: 240})
	}
	size(320)
	c := r.dial()
	c.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg","window":64}`)
	for _, width := range []int{320, 640, 160} {
		if m := c.expect("watching", 1); m.Width != width || m.Height != 240 {
			t.Errorf("%+v, want width %d", m, width)
		}
		c.frame(1)
		size(width)
		c.frame(1)
		size(map[int]int{320: 640, 640: 160, 160: 160}[width])
	}
}

// TestWSFormatChanges: a camera that changes its format ends its slots, and the client watches again.
func TestWSFormatChanges(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	desk := r.camera("desk", frame.JPEG)
	desk.picture()
	c := r.dial()
	c.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg"}`)
	c.expect("watching", 1)
	c.frame(1)
	desk.format = frame.H264
	desk.say(status.Live, "")
	if p := c.expect("ended", 1).Error; p == nil || p.Status != 503 || p.RetryAfter == 0 ||
		!strings.Contains(p.Detail, "h264") {
		t.Errorf("%+v", p)
	}
}

// TestWSDeadClients: the hub disconnects a client that reads nothing, and one that does not answer pings.
func TestWSDeadClients(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle, func(s *Server) { s.cfg.WriteTimeout = 100 * time.Millisecond })
	desk := r.camera("desk", frame.JPEG)
	next := source(t, desk)
	next()
	c := r.dial()
	c.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg","window":64}`)
	desk.viewers(1)
	testutil.Eventually(t, "the stalled client is gone", func() bool {
		next()
		return desk.Info().Viewers == 0
	})
	silent := newFixture(t, stream.Config{},
		func(s *Server) { s.cfg.WriteTimeout, s.times.ws.Ping = 100*time.Millisecond, moment })
	silent.dial() // and reads no more
	testutil.Eventually(t, "the silent client is gone", func() bool { return silent.srv.ws.Len() == 0 })
}

// TestWSRoster: each connection gets all cameras first, and then each change once.
func TestWSRoster(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.times.ws.List = moment })
	desk := r.camera("desk", frame.JPEG)
	r.camera("yard", frame.H264)
	c := r.dial()
	c.say(`{"op":"roster"}`)
	m := c.expect("roster", 0)
	if !m.All || len(m.Cameras) != 2 || len(m.Gone) != 0 || m.Cameras[0].ID != "desk" || m.Cameras[1].ID != "yard" {
		t.Fatalf("%+v", m)
	}
	d := m.Cameras[0]
	if d.State != status.Live || d.Host != "pi" || d.Source != "pattern" || d.Format != frame.JPEG ||
		len(d.Formats) != 2 || d.Width != 320 || d.Height != 240 || d.FPS != 25 || d.Bitrate != 1_000_000 ||
		d.LastSeen != nil || d.Since.IsZero() {
		t.Errorf("%+v", d)
	}
	desk.say(status.Degraded, "too dark")
	if m = c.expect("roster", 0); m.All || len(m.Cameras) != 1 || m.Cameras[0].ID != "desk" ||
		m.Cameras[0].Reason != "too dark" {
		t.Errorf("%+v", m)
	}
	desk.say(status.Stopped, "")
	if m = c.expect("roster", 0); len(m.Cameras) != 1 || m.Cameras[0].State != cameras.Offline ||
		m.Cameras[0].LastSeen == nil {
		t.Errorf("%+v", m)
	}
	r.camera("attic", frame.JPEG)
	if m = c.expect("roster", 0); len(m.Cameras) != 1 || m.Cameras[0].ID != "attic" {
		t.Errorf("%+v", m)
	}
	late := r.dial()
	late.say(`{"op":"roster"}`)
	if m = late.expect("roster", 0); !m.All || len(m.Cameras) != 3 {
		t.Errorf("%+v", m)
	}
	c.say(`{"op":"roster"}`)
	if m = c.expect("roster", 0); !m.All || len(m.Cameras) != 3 {
		t.Errorf("asked again: %+v", m)
	}
}
