package web

import (
	"bytes"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
)

// withoutIdle keeps quiet messages out of a test.
func withoutIdle(s *Server) { s.times.Idle = hour }

// TestWSPictures: a jpeg slot gets the newest picture, and then each new one, with its metadata.
func TestWSPictures(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	desk := r.camera("desk", frame.JPEG)
	desk.picture()
	want := desk.picture()
	c := r.dial()
	c.say(`{"op":"watch","slot":7,"camera":"desk","kind":"jpeg","more":[1]}`)
	if m := c.expect("watching", 7); m.Camera != "desk" || m.Kind != "jpeg" || m.MIME != "image/jpeg" {
		t.Errorf("%+v", m)
	}
	for n := uint64(2); n < 6; n++ {
		f := c.frame(7)
		if !bytes.Equal(f.payload, want) || f.kind != 1 || f.flags != 1 || f.seq != n ||
			f.captured != captured(n).UnixMicro() || f.mediaNow != 0 {
			t.Errorf("%+v, want %q", f, want)
		}
		if age := time.Since(time.UnixMicro(f.arrived)); age < 0 || age > hour {
			t.Errorf("it arrived %v ago", age)
		}
		c.ack(7, uint32(n-1))
		want = desk.picture()
	}
	c.frame(7)
	desk.viewers(1)
	c.say(`{"op":"unwatch","slot":7}`)
	if m := c.expect("ended", 7); m.Error != nil {
		t.Errorf("%+v", m.Error)
	}
	desk.viewers(0)
	desk.picture()
	c.silent()
}

// TestWSStop: the stop of the hub closes every WebSocket with its status.
func TestWSStop(t *testing.T) {
	r := newFixture(t, stream.Config{})
	desk := r.camera("desk", frame.JPEG)
	idle, busy := r.dial(), r.dial()
	busy.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg"}`)
	busy.say(`{"op":"roster"}`)
	desk.viewers(1)
	ended := make(chan websocket.StatusCode, 2)
	for _, c := range []*socket{idle, busy} {
		go func() { ended <- c.ends() }()
	}
	r.stop()
	for range 2 {
		if got := <-ended; got != websocket.StatusGoingAway {
			t.Errorf("closed with %v", got)
		}
	}
	desk.viewers(0)
}
