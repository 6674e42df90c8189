package publish

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

const (
	cameraName = "porch"
	gop        = 5                     // access units
	interval   = 10 * time.Millisecond // of the camera's frames
)

// fixture is a Publisher with a camera that delivers frames while they are wanted.
type fixture struct {
	*Publisher
	drops   *drop.Counters
	payload []byte
	last    atomic.Uint64 // sequence number of the latest frame
	opened  atomic.Uint64 // how often the camera was opened
	asked   atomic.Uint64 // how often it was asked for a key frame
	stop    func()
}

func startFixture(t *testing.T, url string, format frame.Format, linger time.Duration) *fixture {
	t.Helper()
	connected := make(chan struct{}, 1)
	r := &fixture{drops: &drop.Counters{}, payload: []byte("a frame")}
	nc, err := Dial(ConnConfig{URL: url, Name: "test", Log: testutil.Log(t), OnConnect: func() { signal(connected) }})
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, nc)
	testutil.Receive(t, "the connection", connected)
	r.Publisher = New(Config{
		Conn: nc, Camera: cameraName, Format: format, Linger: linger, Drops: r.drops, Log: testutil.Log(t),
		RequestKeyFrame: func() { r.asked.Add(1) },
	})
	testutil.Run(t, func(ctx context.Context) error { // as an agent does
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-connected:
				r.Reconnected()
			}
		}
	})
	stopCamera := testutil.Run(t, r.camera)
	stopPublisher := testutil.Run(t, r.Run)
	r.stop = func() {
		stopCamera()
		stopPublisher()
	}
	return r
}

func closeAtEnd(t *testing.T, nc *nats.Conn) {
	closed := make(chan struct{})
	nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	t.Cleanup(func() {
		nc.Close()
		<-closed
	})
}

// camera puts frames while they are wanted.
func (r *fixture) camera(ctx context.Context) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for seq := uint64(0); ; {
		if r.WaitWanted(ctx, true) != nil {
			return nil
		}
		r.opened.Add(1)
		for first := seq; r.WaitWanted(expired(), false) != nil; seq++ {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			r.last.Store(seq)
			key := r.cfg.Format == frame.H264 && (seq-first)%gop == 0
			r.Put(&frame.Frame{Format: r.cfg.Format, Seq: seq, CaptureTime: time.Now(), Epoch: 1, Key: key, Payload: r.payload})
		}
	}
}

// expired is for asking without waiting.
func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// subscribe returns what is published on subj.
func subscribe(t *testing.T, nc *nats.Conn, subj string) (*nats.Subscription, chan *nats.Msg) {
	t.Helper()
	got := make(chan *nats.Msg, 1<<14)
	sub, err := nc.ChanSubscribe(subj, got)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	return sub, got
}

// nextFrame waits for a frame and passes over probes.
func nextFrame(t *testing.T, format frame.Format, got <-chan *nats.Msg) frame.Frame {
	t.Helper()
	for {
		msg := testutil.Receive(t, "a frame", got)
		f, err := frame.Decode(format, frame.Header(msg.Header), msg.Data)
		if errors.Is(err, frame.ErrNoPayload) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
}

// waitIdle waits until the subjects have no subscribers.
func (r *fixture) waitIdle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	if err := r.WaitWanted(ctx, false); err != nil {
		t.Fatalf("still wanted: %v", err)
	}
}

func TestPlainSubscriberStartsAndStopsTheCamera(t *testing.T) {
	subjects := map[string]string{
		"exact": "cam.porch.jpeg", "still": "cam.porch.still", "wildcard": "cam.*.jpeg",
	}
	for name, subj := range subjects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := testutil.StartNATS(t)
			r := startFixture(t, url, frame.JPEG, 50*time.Millisecond)
			nc := testutil.Connect(t, url)
			r.waitIdle(t)
			sub, got := subscribe(t, nc, subj)
			for range 3 {
				if f := nextFrame(t, frame.JPEG, got); string(f.Payload) != string(r.payload) {
					t.Fatalf("payload %q", f.Payload)
				}
			}
			if err := sub.Unsubscribe(); err != nil {
				t.Fatal(err)
			}
			r.waitIdle(t)
		})
	}
}

func TestQueueGroupIsInterest(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	r := startFixture(t, url, frame.JPEG, 50*time.Millisecond)
	got := make(chan *nats.Msg, 1<<14)
	sub, err := testutil.Connect(t, url).ChanQueueSubscribe("cam.porch.jpeg", "workers", got)
	if err != nil {
		t.Fatal(err)
	}
	nextFrame(t, frame.JPEG, got)
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	r.waitIdle(t)
}

// TestWakeStartsAtOnce: the linger time is long, so that only the wake can have started the stream, once.
func TestWakeStartsAtOnce(t *testing.T) {
	t.Parallel()
	r := startFixture(t, testutil.StartNATS(t), frame.JPEG, time.Hour)
	r.Wake()
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	if err := r.WaitWanted(ctx, true); err != nil {
		t.Fatal(err)
	}
}

// TestIdleTraffic counts at the server what an agent sends for a camera without viewers: two streams, frames and
// stills.
func TestIdleTraffic(t *testing.T) {
	t.Parallel()
	s := testutil.StartServer(t, server.Options{})
	start := time.Now()
	startFixture(t, s.ClientURL(), frame.JPEG, 50*time.Millisecond)
	var msgs, bytes int64
	testutil.Eventually(t, "three probes on either subject", func() bool {
		conns, err := s.Connz(nil)
		if err != nil || len(conns.Conns) != 1 {
			t.Fatalf("%d connections, %v", len(conns.Conns), err)
		}
		msgs, bytes = conns.Conns[0].InMsgs, conns.Conns[0].InBytes
		return msgs >= 6
	})
	// An upper bound: a machine that is slow makes fewer.
	if most := 2 * (1 + int64(time.Since(start)/probeInterval)); msgs > most {
		t.Errorf("%d probes in %v, at most %d are allowed", msgs, time.Since(start), most)
	}
	if bytes > msgs*100 {
		t.Errorf("%d messages have %d bytes of headers and payload: more than headers", msgs, bytes)
	}
}

func TestProbesHaveNoPayload(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc, watcher := testutil.Connect(t, url), testutil.Connect(t, url)
	_, got := subscribe(t, watcher, "cam.porch.*")
	p := New(Config{Conn: nc, Camera: cameraName, Format: frame.H264, Drops: &drop.Counters{}, Log: testutil.Log(t)})
	p.main.inbox, p.still.inbox = nc.NewInbox()+".main.", nc.NewInbox()+".still."
	p.tick(time.Now())
	for range 2 {
		msg := testutil.Receive(t, "a probe", got)
		if len(msg.Data) != 0 || msg.Reply == "" || msg.Header.Get(frame.HeaderTime) == "" {
			t.Errorf("probe on %s with %d bytes, reply subject %q, headers %v", msg.Subject, len(msg.Data),
				msg.Reply, msg.Header)
		}
	}
}

// TestStillOnceASecond publishes ten seconds of video in a time of its own.
func TestStillOnceASecond(t *testing.T) {
	t.Parallel()
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		url := testutil.StartNATS(t)
		nc, watcher := testutil.Connect(t, url), testutil.Connect(t, url)
		_, stills := subscribe(t, watcher, "cam.porch.still")
		_, all := subscribe(t, watcher, subject.Space{}.Frames(cameraName, format))
		p := New(Config{Conn: nc, Camera: cameraName, Format: format, Drops: &drop.Counters{}, Log: testutil.Log(t)})
		p.main.interest.wanted, p.still.interest.wanted = true, true
		now, frames := time.Now(), 10*25
		for seq := range frames {
			key := format == frame.H264 && seq%10 == 0
			p.publish(&frame.Frame{Format: format, Seq: uint64(seq), CaptureTime: now, Key: key, Payload: []byte("x")},
				now.Add(time.Duration(seq)*40*time.Millisecond))
		}
		if err := nc.FlushTimeout(testutil.Timeout); err != nil {
			t.Fatal(err)
		}
		for range frames {
			nextFrame(t, format, all)
		}
		if err := watcher.FlushTimeout(testutil.Timeout); err != nil {
			t.Fatal(err)
		}
		want := 10
		if format == frame.H264 {
			want = 9 // every third key frame
		}
		if n := len(stills); n != want {
			t.Errorf("%s: %d stills in ten seconds, want %d", format, n, want)
		}
		for len(stills) > 0 {
			if f := nextFrame(t, format, stills); !f.Decodable() {
				t.Errorf("still %d does not decode alone", f.Seq)
			}
		}
	}
}

func TestRunLeavesAnEmptyQueue(t *testing.T) {
	t.Parallel()
	nc := testutil.Connect(t, testutil.StartNATS(t))
	p := New(Config{Conn: nc, Camera: cameraName, Format: frame.H264, Drops: &drop.Counters{}, Log: testutil.Log(t)})
	p.Put(&frame.Frame{Format: frame.H264, Key: true, Payload: []byte("x")})
	p.Put(&frame.Frame{Format: frame.H264, Seq: 1, Payload: []byte("x")})
	if err := p.Run(expired()); err != nil {
		t.Fatal(err)
	}
	if n := p.queue.clear(); n != 0 {
		t.Errorf("%d frames still wait", n)
	}
}

func TestRunSaysThatTheConnectionIsClosed(t *testing.T) {
	nc := testutil.Connect(t, testutil.StartNATS(t))
	nc.Close()
	p := New(Config{Conn: nc, Camera: cameraName, Format: frame.JPEG, Drops: &drop.Counters{}, Log: testutil.Log(t)})
	if err := p.Run(t.Context()); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("error %v", err)
	}
}
