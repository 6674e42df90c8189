package publish

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestServerRestart: frames flow again by themselves after an outage, and none of before it is delivered after it. It
// listens on the publisher's own connection, which asks for its subscriptions before anything else when it comes
// back, so that nothing is missed.
func TestServerRestart(t *testing.T) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			s := testutil.StartServer(t, server.Options{})
			port := testutil.Port(t, s)
			r := startFixture(t, s.ClientURL(), format, time.Second)
			_, got := subscribe(t, r.cfg.Conn, "cam.porch."+string(format))
			nextFrame(t, format, got)

			testutil.StopServer(s)
			testutil.Eventually(t, "frames are dropped for want of a connection",
				func() bool { return r.drops.Get(drop.Gone) > 0 })
			for len(got) > 0 {
				<-got
			}
			before := r.last.Load()
			testutil.StartServer(t, server.Options{Port: port})

			first := nextFrame(t, format, got)
			if first.Seq < before {
				t.Errorf("frame %d is delivered after the restart, but %d had been captured before it", first.Seq, before)
			}
			if !first.Decodable() {
				t.Errorf("the first frame after the restart, %d, does not decode alone", first.Seq)
			}
			dec := decoder{t: t}
			for f := first; f.Seq < first.Seq+3*gop; f = nextFrame(t, format, got) {
				dec.show(&f)
			}
			if format == frame.H264 && r.asked.Load() == 0 {
				t.Error("the encoder was not asked for a key frame after the outage")
			}
			if r.opened.Load() != 1 {
				t.Errorf("the camera was opened %d times: an outage within the grace must not close it", r.opened.Load())
			}
		})
	}
}

// TestNoHoleAcrossAReconnect: a connection that is replaced at once may have taken frames with it, though none of
// them failed.
func TestNoHoleAcrossAReconnect(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	_, got := subscribe(t, testutil.Connect(t, url), "cam.porch.h264")
	nc, drops, asked := testutil.Connect(t, url), &drop.Counters{}, 0
	p := New(Config{Conn: nc, Camera: cameraName, Format: frame.H264, Drops: drops, Log: testutil.Log(t),
		RequestKeyFrame: func() { asked++ }})
	p.main.interest.wanted = true
	p.liveness.lastPong = time.Now().Add(time.Hour) // no liveness check in this test
	send := func(seq uint64, key bool) {
		p.Put(&frame.Frame{Format: frame.H264, Seq: seq, CaptureTime: time.Now(), Key: key, Payload: []byte("x")})
		p.publishOne()
	}
	send(0, true)
	send(1, false)
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "a new connection", func() bool { return nc.IsConnected() && nc.Stats().Reconnects == 1 })
	send(2, false)
	send(3, false)
	send(4, true)
	send(5, false)
	for _, want := range []uint64{0, 1, 4, 5} {
		if f := nextFrame(t, frame.H264, got); f.Seq != want {
			t.Errorf("frame %d, want %d", f.Seq, want)
		}
	}
	if asked != 1 || drops.Get(drop.Gone) != 1 || drops.Get(drop.Lagged) != 1 {
		t.Errorf("asked for a key frame %d times, drops %v; want 1, gone 1, lagged 1", asked, drops.Map())
	}
}

// TestOversizeFrames: some frames exceed the server's limit. The others must get through, and the camera's status must
// say so.
func TestOversizeFrames(t *testing.T) {
	t.Parallel()
	s := testutil.StartServer(t, server.Options{MaxPayload: 4096})
	watcher := testutil.Connect(t, s.ClientURL())
	_, got := subscribe(t, watcher, "cam.porch.h264")
	drops := &drop.Counters{}
	asked := 0
	p := New(Config{
		Conn: testutil.Connect(t, s.ClientURL()), Camera: cameraName, Format: frame.H264, Drops: drops, Log: testutil.Log(t),
		RequestKeyFrame: func() { asked++ },
	})
	p.main.interest.wanted = true
	now := time.Unix(1000, 0)
	send := func(seq uint64, key bool, size int) {
		p.Put(&frame.Frame{Format: frame.H264, Seq: seq, CaptureTime: now, Key: key, Payload: make([]byte, size)})
		if it, _ := p.queue.pop(now, maxQueueAge); it != nil {
			p.publish(&it.frame, now)
			p.queue.release(it)
		}
	}
	send(0, true, 100)
	if p.Fault() != "" {
		t.Errorf("fault %q", p.Fault())
	}
	send(1, false, 5000)
	send(2, false, 100) // cannot be decoded without 1
	send(3, true, 5000)
	send(4, false, 100)
	send(5, true, 100)
	for _, want := range []uint64{0, 5} {
		if f := nextFrame(t, frame.H264, got); f.Seq != want {
			t.Errorf("frame %d, want %d", f.Seq, want)
		}
	}
	if over, lagged := drops.Get(drop.Oversize), drops.Get(drop.Lagged); over != 2 || lagged != 2 {
		t.Errorf("%d oversize, %d lagged; want 2 and 2", over, lagged)
	}
	if asked != 1 {
		t.Errorf("asked for a key frame %d times: once for frame 1; for 3 it is no help", asked)
	}
	for _, part := range []string{"5000 bytes", "max_payload of 4096", "set max_payload to 8MB", "lower"} {
		if !strings.Contains(p.Fault(), part) {
			t.Errorf("fault %q does not say %q", p.Fault(), part)
		}
	}
	now = now.Add(time.Minute)
	send(6, false, 100)
	if p.Fault() != "" {
		t.Errorf("the fault is over, but still told: %q", p.Fault())
	}
}

func TestOversizeStillOnly(t *testing.T) {
	t.Parallel()
	s := testutil.StartServer(t, server.Options{MaxPayload: 4096})
	drops := &drop.Counters{}
	p := New(Config{Conn: testutil.Connect(t, s.ClientURL()), Camera: cameraName, Format: frame.JPEG, Drops: drops,
		Log: testutil.Log(t)})
	p.still.interest.wanted = true
	p.publish(&frame.Frame{Format: frame.JPEG, Payload: make([]byte, 5000)}, time.Now())
	if drops.Get(drop.Oversize) != 1 || p.Fault() == "" {
		t.Errorf("a still that cannot be sent: %d drops, fault %q", drops.Get(drop.Oversize), p.Fault())
	}
}

func TestSnapshotStartsAnIdleCamera(t *testing.T) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			r := startFixture(t, testutil.StartNATS(t), format, 50*time.Millisecond)
			ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
			defer cancel()
			f, err := r.Snapshot(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if !f.Decodable() || string(f.Payload) != string(r.payload) {
				t.Errorf("snapshot %+v", f)
			}
			r.waitIdle(t)
		})
	}
}

func TestSnapshotOfADeadCamera(t *testing.T) {
	t.Parallel()
	p := New(Config{Camera: cameraName, Format: frame.JPEG, Drops: &drop.Counters{}, Log: testutil.Log(t)})
	cause := errors.New("none came")
	for range 100 { // a client polls it
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if _, err := p.Snapshot(ctx); !errors.Is(err, cause) || !strings.Contains(err.Error(), "camera porch") {
			t.Fatalf("error %v", err)
		}
	}
	if len(p.waiters) != 0 {
		t.Errorf("%d requests are still remembered", len(p.waiters))
	}
}

func TestDial(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"nats://[::1", "nats://127.0.0.1:no"} {
		if nc, err := Dial(ConnConfig{URL: url, Name: "test", Log: testutil.Log(t), OnConnect: func() {}}); err == nil {
			closeAtEnd(t, nc)
			t.Errorf("%q was accepted", url)
		}
	}
}

// TestDialSurvivesRefusals: a server that refuses the password may accept it later. nats.go gives up at the second
// refusal unless told otherwise.
func TestDialSurvivesRefusals(t *testing.T) {
	t.Parallel()
	strict := testutil.StartServer(t, server.Options{Username: "porch", Password: "secret"})
	port := testutil.Port(t, strict)
	connected := make(chan struct{}, 1)
	nc, err := Dial(ConnConfig{URL: "nats://porch:wrong@" + strict.Addr().String(), Name: "test", Log: testutil.Log(t),
		RefusedDelay: 50 * time.Millisecond, OnConnect: func() { signal(connected) }})
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, nc)
	testutil.Eventually(t, "three refusals", func() bool { return strict.NumClients() == 0 && nc.Stats().Reconnects >= 3 })
	testutil.StopServer(strict)
	testutil.StartServer(t, server.Options{Port: port, Username: "porch", Password: "wrong"})
	testutil.Receive(t, "the connection", connected)
}
