package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestLameDuck: a draining hub is not ready, and serves viewers and new clients. Then all viewers end between two
// frames.
func TestLameDuck(t *testing.T) {
	h := newTestServer(t, stream.Config{})
	h.srv.cfg.LameDuck, h.srv.times.Idle = hour, hour
	desk, yard := h.camera("desk", frame.JPEG), h.camera("yard", frame.H264)
	desk.picture()
	yard.access(units(t, "slices.h264")[0])
	l := &failing{listener: listen(t), err: errors.New("enough of this")}
	r := &fixture{testServer: h, addr: l.Addr().String(),
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.srv.Run(ctx, l) }()
	if resp, _ := r.do(http.MethodGet, "/readyz"); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	before := r.mjpeg("/cam/desk.mjpeg")
	before.part()
	stop()
	testutil.Eventually(t, "the hub is not ready", func() bool {
		resp, body := r.do(http.MethodGet, "/readyz")
		if resp.StatusCode != http.StatusOK {
			checkProblem(t, resp, body, problem.Problem{Title: "Service Unavailable", Status: 503}, []string{"about to stop"})
		}
		return resp.StatusCode == http.StatusServiceUnavailable
	})
	late, video := r.mjpeg("/cam/desk.mjpeg"), r.open("/cam/yard.h264")
	late.part()
	desk.picture()
	before.part()
	late.part()
	l.fail()
	r.send("")
	if err := testutil.Receive(t, "Run's error", done); !errors.Is(err, l.err) {
		t.Errorf("Run: %v", err)
	}
	for _, c := range []*conn{before, late} {
		if rest := c.ends(); len(rest) > 0 {
			t.Errorf("%d bytes behind the last picture", len(rest))
		}
	}
	video.ends()
}

// TestLameDuckTimes: viewers are disconnected one by one in the second half of the time. A WebSocket and its slots
// count as one.
func TestLameDuckTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		tracker := viewers.New(viewers.Config{Log: testutil.Log(t)})
		start := time.Now()
		gone := make(chan time.Duration, 5)
		var slot *viewers.Viewer
		for i := range 5 {
			g, err := tracker.Add(ctx, viewers.Client{Address: "192.0.2.1"}, "desk", "mjpeg")
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				if slot, err = tracker.Add(context.WithoutCancel(g.Context()), viewers.Client{Address: "192.0.2.1"}, "desk",
					"mjpeg"); err != nil {
					t.Fatal(err)
				}
			}
			go func() {
				<-g.Context().Done()
				gone <- time.Since(start)
			}()
		}
		if err := (lameDuck{tracker, 10 * time.Second, testutil.Log(t)}).drain(ctx, nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		var times []time.Duration
		for range 5 {
			times = append(times, <-gone)
		}
		want := []time.Duration{5 * time.Second, 6 * time.Second, 7 * time.Second, 8 * time.Second, 9 * time.Second}
		if !slices.Equal(times, want) || time.Since(start) != 10*time.Second || slot.Context().Err() != nil {
			t.Errorf("viewers left after %v, the server was free to stop after %v, slot: %v", times, time.Since(start),
				slot.Context().Err())
		}
		slot.Disconnect(nil)
	})
}

// TestStopWholePicture stops the hub while a picture is being sent. The viewer gets all of it.
func TestStopWholePicture(t *testing.T) {
	r := newFixture(t, stream.Config{},
		func(s *Server) { s.cfg.WriteTimeout, s.times.Stop, s.times.Idle = hour, hour, hour })
	big := r.camera("big", frame.JPEG)
	one, two, socket := r.mjpeg("/cam/big.mjpeg"), r.mjpeg("/cam/big.mjpeg"), r.dial()
	socket.say(`{"op":"watch","slot":1,"camera":"big","kind":"jpeg"}`)
	big.viewers(3)
	picture := make([]byte, 7<<20)
	big.append(media.Packet{Payload: picture})
	testutil.Eventually(t, "the picture is on its way", func() bool { return big.stream.FramesOut.Load() == 3 })
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.stop()
	}()
	testutil.Eventually(t, "the hub stops", func() bool {
		other, err := net.Dial("tcp", r.addr)
		if err == nil {
			_ = other.Close()
		}
		return err != nil
	})
	for _, c := range []*conn{one, two} {
		if p := c.part(); len(p.picture) != len(picture) {
			t.Errorf("%d bytes of %d", len(p.picture), len(picture))
		}
		if rest := c.ends(); len(rest) > 0 {
			t.Errorf("%d bytes behind the picture", len(rest))
		}
	}
	if code := socket.ends(); code != websocket.StatusGoingAway { // no message is cut, or it would not come to this
		t.Errorf("the WebSocket ends with %v", code)
	}
	<-stopped
}
