package agent

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// fakeSource does what a test tells it.
type fakeSource struct {
	runs chan *fakeRun // each Run as it begins
	open atomic.Int32  // Runs that have not returned

	stubborn chan struct{} // if not nil, a Run does not return before this is closed
}

// fakeRun is one Run of a fakeSource.
type fakeRun struct {
	began  time.Time
	frames chan source.Frame
	end    chan error
}

func (s *fakeSource) Kind() string         { return "fake" }
func (s *fakeSource) Format() frame.Format { return frame.JPEG }

func (s *fakeSource) Run(ctx context.Context, sink source.Sink) error {
	s.open.Add(1)
	defer s.open.Add(-1)
	run := &fakeRun{time.Now(), make(chan source.Frame), make(chan error)}
	s.runs <- run
	for {
		select {
		case <-ctx.Done():
			if s.stubborn != nil {
				<-s.stubborn
			}
			return nil
		case f := <-run.frames:
			sink(f)
		case err := <-run.end:
			return err
		}
	}
}

// send hands a frame to the camera.
func (r *fakeRun) send(t *testing.T, f source.Frame) {
	t.Helper()
	select {
	case r.frames <- f:
	case <-time.After(testutil.Timeout):
		t.Fatal("the source does not run any longer")
	}
}

// fail ends the run.
func (r *fakeRun) fail(t *testing.T, err error) {
	t.Helper()
	select {
	case r.end <- err:
	case <-time.After(testutil.Timeout):
		t.Fatal("the source does not run any longer")
	}
}

// fakeAgent is an agent with one camera, "porch", whose source is a fake.
func fakeAgent(t *testing.T, url string) (*Agent, *fakeSource) {
	t.Helper()
	a := newAgent(t, config(t, url, "porch=file:clip.jpeg"))
	src := &fakeSource{runs: make(chan *fakeRun, 100)}
	a.cameras[0].source = src
	return a, src
}

func shot(n byte) source.Frame {
	return source.Frame{
		Data: []byte{n}, PTS: time.Duration(n) * 40 * time.Millisecond, Captured: time.Unix(1000, int64(n)),
		Width: 640, Height: 480,
	}
}

// TestStates takes a camera through all it can do, and looks at what it tells.
func TestStates(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	_, statuses := subscribe(t, nc, "cam.porch.status")
	a, src := fakeAgent(t, url)
	stop := testutil.Run(t, a.Run)
	if s := waitState(t, statuses, status.Idle); s.Reason != "" || s.FPS != 0 || s.Epoch != 0 {
		t.Errorf("idle: %+v", s)
	}

	sub, got := subscribe(t, nc, "cam.porch.jpeg")
	run := testutil.Receive(t, "the start of the source", src.runs)
	waitState(t, statuses, status.Starting)
	run.send(t, shot(1))
	live := waitState(t, statuses, status.Live)
	if live.Width != 640 || live.Height != 480 || live.Epoch == 0 || live.Frames != 1 {
		t.Errorf("live: %+v", live)
	}
	first := nextFrame(t, got)
	if first.Seq != 0 || first.Epoch != live.Epoch || first.PTS != 40*time.Millisecond ||
		first.CaptureTime.UnixNano() != time.Unix(1000, 1).UnixNano() {
		t.Errorf("first frame: %+v", first)
	}

	run.fail(t, errors.New("the lens fell off: put it back"))
	if s := waitState(t, statuses, status.Degraded); s.Reason != "the lens fell off: put it back" || s.FPS != 0 {
		t.Errorf("degraded: %+v", s)
	}
	run = testutil.Receive(t, "the second start of the source", src.runs)
	if s, err := info(nc, "porch"); err != nil || s.State != status.Degraded || s.Reason == "" {
		t.Errorf("while it is tried again: %+v, %v; the reason must stay until a frame comes", s, err)
	}
	run.send(t, shot(2))
	again := waitState(t, statuses, status.Live)
	if again.Epoch <= live.Epoch || again.Reason != "" {
		t.Errorf("live again: %+v; the epoch was %d", again, live.Epoch)
	}
	if second := nextFrame(t, got); second.Seq != 0 || second.Epoch != again.Epoch {
		t.Errorf("first frame of the second epoch: %+v", second)
	}

	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	waitState(t, statuses, status.Idle)
	if n := src.open.Load(); n != 0 {
		t.Errorf("idle, but %d sources are open", n)
	}
	stop()
	waitState(t, statuses, status.Stopped)
}

// TestStopReleasesTheSource: also one that was delivering, and only then it is said that the camera has stopped.
func TestStopReleasesTheSource(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	_, statuses := subscribe(t, nc, "cam.porch.status")
	subscribe(t, nc, "cam.porch.jpeg")
	a, src := fakeAgent(t, url)
	stop := testutil.Run(t, a.Run)
	run := testutil.Receive(t, "the start of the source", src.runs)
	run.send(t, shot(1))
	waitState(t, statuses, status.Live)
	stop()
	if n := src.open.Load(); n != 0 {
		t.Errorf("%d sources are open", n)
	}
	s := waitState(t, statuses, status.Stopped)
	if s.Frames != 1 || s.FPS != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := info(nc, "porch"); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("answers although it has stopped: %v", err)
	}
}

// TestOneFailingCameraLeavesTheOthers: each camera is supervised on its own.
func TestOneFailingCameraLeavesTheOthers(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	runAgent(t, newAgent(t, config(t, url,
		"good=file:clip.jpeg#fps=50", "bad=exec:echo 'no sensor: check the cable' >&2; exit 3#format=mjpeg",
		"mute=exec:exec sleep 1000#format=h264",
	)), nc)
	_, statuses := subscribe(t, nc, "cam.bad.status")
	subscribe(t, nc, "cam.mute.h264")
	subscribe(t, nc, "cam.bad.jpeg")
	_, good := subscribe(t, nc, "cam.good.jpeg")
	s := waitState(t, statuses, status.Degraded)
	for _, part := range []string{"exit status 3", "it said: no sensor: check the cable"} {
		if !strings.Contains(s.Reason, part) {
			t.Errorf("reason %q does not say %q", s.Reason, part)
		}
	}
	first := nextFrame(t, good)
	for range 50 {
		if f := nextFrame(t, good); f.Epoch != first.Epoch {
			t.Fatal("the good camera was started again")
		}
	}
	if s, err := info(nc, "good"); err != nil || s.State != status.Live || s.Reason != "" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := info(nc, "mute"); err != nil || s.State != status.Starting {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestBackoff: a camera that fails at once is tried ever more patiently.
func TestBackoff(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	subscribe(t, testutil.Connect(t, url), "cam.porch.jpeg")
	a, src := fakeAgent(t, url)
	testutil.Run(t, a.Run)
	var before time.Time
	for n := range 4 {
		run := testutil.Receive(t, "a start of the source", src.runs)
		// A lower bound: it cannot fail on a slow machine.
		if least := minBackoff << n / 2; n > 0 && run.began.Sub(before) < least {
			t.Errorf("try %d came %v after the one before, want at least %v", n, run.began.Sub(before), least)
		}
		before = run.began
		run.fail(t, errors.New("no"))
	}
}

// TestNoFrames: a source that is open but gives nothing is reopened, and the log says so.
func TestNoFrames(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	_, statuses := subscribe(t, nc, "cam.porch.status")
	subscribe(t, nc, "cam.porch.jpeg")
	a, src := fakeAgent(t, url)
	a.cameras[0].frameTimeout = 50 * time.Millisecond
	testutil.Run(t, a.Run)
	testutil.Receive(t, "the start of the source", src.runs)
	if s := waitState(t, statuses, status.Degraded); !strings.Contains(s.Reason, "no frame for too long") ||
		!strings.Contains(s.Reason, "(50ms)") {
		t.Errorf("reason %q", s.Reason)
	}
	testutil.Receive(t, "the second start of the source", src.runs)
}

// TestSourceThatEnds breaks its contract: Run may return nil only when it was asked to. It must not make the agent
// spin.
func TestSourceThatEnds(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	_, statuses := subscribe(t, nc, "cam.porch.status")
	subscribe(t, nc, "cam.porch.jpeg")
	a, src := fakeAgent(t, url)
	testutil.Run(t, a.Run)
	testutil.Receive(t, "the start of the source", src.runs).fail(t, nil)
	if s := waitState(t, statuses, status.Degraded); !strings.Contains(s.Reason, "ended by itself") {
		t.Errorf("reason %q", s.Reason)
	}
}

// TestLeavingEndsTheWait: a broken camera without subscribers is idle, not degraded.
func TestLeavingEndsTheWait(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	_, statuses := subscribe(t, nc, "cam.porch.status")
	sub, _ := subscribe(t, nc, "cam.porch.jpeg")
	a, src := fakeAgent(t, url)
	testutil.Run(t, a.Run)
	testutil.Receive(t, "the start of the source", src.runs).fail(t, errors.New("no"))
	waitState(t, statuses, status.Degraded)
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if s := waitState(t, statuses, status.Idle); s.Reason != "" {
		t.Errorf("idle for a reason: %q", s.Reason)
	}
}

// TestOversizeIsToldInTheStatus: the status names the remedy, because operators seldom read the agent's log.
func TestOversizeIsToldInTheStatus(t *testing.T) {
	t.Parallel()
	url := testutil.StartServer(t, server.Options{MaxPayload: 4096}).ClientURL()
	nc := testutil.Connect(t, url)
	subscribe(t, nc, "cam.porch.jpeg")
	a, src := fakeAgent(t, url)
	testutil.Run(t, a.Run)
	run := testutil.Receive(t, "the start of the source", src.runs)
	run.send(t, source.Frame{Data: make([]byte, 5000)})
	var s status.Status
	testutil.Eventually(t, "a warning", func() bool {
		var err error
		if s, err = info(nc, "porch"); err != nil {
			t.Fatal(err)
		}
		return s.Warning != ""
	})
	if !strings.Contains(s.Warning, "max_payload") || !strings.Contains(s.Warning, "8MB") ||
		s.Drops[drop.Oversize.String()] != 1 {
		t.Errorf("%+v", s)
	}
}
