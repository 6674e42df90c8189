package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

func TestMain(m *testing.M) {
	testutil.ParallelWaits()
	goleak.VerifyTestMain(m)
}

func picture(tb testing.TB) []byte {
	tb.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// config describes an agent with cameras NAME=SOURCE. File sources find a clip.jpeg.
func config(t *testing.T, url string, cameras ...string) Config {
	t.Helper()
	cfg := Config{
		Hub: url, Host: "pi1", Version: "1.2.3", Linger: 100 * time.Millisecond, Log: testutil.Log(t),
		Files:        fstest.MapFS{"clip.jpeg": {Data: picture(t)}},
		scanInterval: 20 * time.Millisecond, refusedDelay: 100 * time.Millisecond,
	}
	for _, s := range cameras {
		c, err := ParseCamera(s)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Cameras = append(cfg.Cameras, c)
	}
	return cfg
}

func newAgent(t *testing.T, cfg Config) *Agent {
	t.Helper()
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// runAgent runs a and waits until it answers for all its cameras.
func runAgent(t *testing.T, a *Agent, nc *nats.Conn) (stop func()) {
	t.Helper()
	stop = testutil.Run(t, a.Run)
	for _, c := range a.cameras {
		testutil.Eventually(t, "camera "+c.name+" is served", func() bool {
			s, err := info(nc, c.name)
			return err == nil && s.Instance == c.status.Instance
		})
	}
	return stop
}

func info(nc *nats.Conn, camera string) (status.Status, error) {
	msg, err := nc.Request("cam."+camera+".do.info", nil, testutil.Timeout)
	if err != nil {
		return status.Status{}, err
	}
	return status.Decode(msg.Data)
}

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
func nextFrame(t *testing.T, got <-chan *nats.Msg) frame.Frame {
	t.Helper()
	for {
		msg := testutil.Receive(t, "a frame", got)
		if len(msg.Data) == 0 {
			continue
		}
		f, err := frame.Decode(frame.JPEG, frame.Header(msg.Header), msg.Data)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
}

// waitState waits for a status document that says state.
func waitState(t *testing.T, statuses <-chan *nats.Msg, state status.State) status.Status {
	t.Helper()
	for {
		s, err := status.Decode(testutil.Receive(t, "state "+string(state), statuses).Data)
		if err != nil {
			t.Fatal(err)
		}
		if s.State == state {
			return s
		}
	}
}

// refused runs an agent that must not start, and returns why.
func refused(t *testing.T, a *Agent) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	err := a.Run(ctx)
	if err == nil {
		t.Fatal("the agent was not refused")
	}
	return err.Error()
}

func TestDuplicateCameraIsRefused(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	first := newAgent(t, config(t, url, "door=pattern:#size=160x120", "porch=file:clip.jpeg"))
	stop := runAgent(t, first, nc)

	cfg := config(t, url, "desk=file:clip.jpeg", "porch=file:clip.jpeg")
	cfg.Host = "pi2"
	second := newAgent(t, cfg)
	said := refused(t, second)
	for _, part := range []string{"camera porch", "host pi1", "another name", "start with takeover"} {
		if !strings.Contains(said, part) {
			t.Errorf("error %q does not say %q", said, part)
		}
	}

	cfg.Takeover = true
	_, statuses := subscribe(t, nc, "cam.porch.status")
	testutil.Run(t, newAgent(t, cfg).Run)
	for s := waitState(t, statuses, status.Idle); s.Host != "pi2"; {
		s = waitState(t, statuses, status.Idle)
	}
	inbox := nc.NewInbox()
	_, answers := subscribe(t, nc, inbox)
	if err := nc.PublishRequest("cam.porch.do.info", inbox, nil); err != nil {
		t.Fatal(err)
	}
	for hosts := map[string]bool{}; len(hosts) < 2; { // both live on; a hub sees the conflict
		hosts[waitState(t, answers, status.Idle).Host] = true
	}
	stop()
}

func TestRestartIsNoDuplicate(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	for range 3 {
		runAgent(t, newAgent(t, config(t, url, "porch=file:clip.jpeg")), nc)()
	}
}

// TestForeignMessages: one answers, but not as an agent does; one does not answer at all, so it is dead.
func TestForeignMessages(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	for subj, f := range map[string]nats.MsgHandler{
		"cam.porch.do.info": func(m *nats.Msg) { _ = m.Respond([]byte("hello")) },
		"cam.desk.do.info":  func(*nats.Msg) {},
	} {
		if _, err := nc.Subscribe(subj, f); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	if said := refused(t, newAgent(t, config(t, url, "porch=file:clip.jpeg"))); !strings.Contains(said,
		"camera porch: something answers for it already") {
		t.Errorf("error %q", said)
	}
	_, statuses := subscribe(t, nc, "cam.desk.status")
	testutil.Run(t, newAgent(t, config(t, url, "desk=file:clip.jpeg")).Run)
	waitState(t, statuses, status.Idle)
}

func TestAgentWaitsForNATS(t *testing.T) {
	t.Parallel()
	s := testutil.StartServer(t, server.Options{})
	url, port := s.ClientURL(), testutil.Port(t, s)
	testutil.StopServer(s)

	testutil.Run(t, newAgent(t, config(t, url, "porch=file:clip.jpeg")).Run)
	early := newAgent(t, config(t, url, "desk=file:clip.jpeg"))
	stopEarly := testutil.Run(t, early.Run)
	stopEarly() // what waits can be stopped, and that is no error

	testutil.StartServer(t, server.Options{Port: port})
	_, got := subscribe(t, testutil.Connect(t, url), "cam.porch.jpeg")
	if f := nextFrame(t, got); !bytes.Equal(f.Payload, picture(t)) {
		t.Error("the frame is not the clip's picture")
	}
}

func TestAgentSurvivesARestartOfNATS(t *testing.T) {
	t.Parallel()
	s := testutil.StartServer(t, server.Options{})
	url, port := s.ClientURL(), testutil.Port(t, s)
	a := newAgent(t, config(t, url, "porch=file:clip.jpeg"))
	stop := runAgent(t, a, testutil.Connect(t, url))
	testutil.StopServer(s)
	testutil.StartServer(t, server.Options{Port: port})
	nc := testutil.Connect(t, url)
	_, statuses := subscribe(t, nc, "cam.porch.status")
	_, got := subscribe(t, nc, "cam.porch.jpeg")
	nextFrame(t, got)
	waitState(t, statuses, status.Live)
	if _, err := info(nc, "porch"); err != nil {
		t.Errorf("the camera does not answer any longer: %v", err)
	}
	stop()
	waitState(t, statuses, status.Stopped)
}

// TestStopWithoutNATS: an agent can be stopped while it waits for a lost connection.
func TestStopWithoutNATS(t *testing.T) {
	t.Parallel()
	s := testutil.StartServer(t, server.Options{})
	a := newAgent(t, config(t, s.ClientURL(), "porch=file:clip.jpeg"))
	stop := runAgent(t, a, testutil.Connect(t, s.ClientURL()))
	testutil.StopServer(s)
	stop()
}

func TestRunSaysThatTheURLIsWrong(t *testing.T) {
	if said := refused(t, newAgent(t, config(t, "nats://[::1", "porch=file:clip.jpeg"))); !strings.Contains(said, "hub") {
		t.Errorf("error %q", said)
	}
}

func TestInfoAndVerbs(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	runAgent(t, newAgent(t, config(t, url, "porch=file:clip.jpeg#fps=50", "desk=pattern:#size=160x120")), nc)

	s, err := info(nc, "porch")
	if err != nil {
		t.Fatal(err)
	}
	if s.Host != "pi1" || s.Agent != "1.2.3" || s.Source != "file" || s.Format != frame.JPEG || s.State != status.Idle ||
		s.Clock.Source != "arrival" {
		t.Errorf("%+v", s)
	}
	if other, err := info(nc, "desk"); err != nil || other.Instance != s.Instance || other.Source != "pattern" {
		t.Errorf("%+v, %v", other, err)
	}
	msg, err := nc.Request("cam.porch.do.snapshot", nil, testutil.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := frame.Decode(frame.JPEG, frame.Header(msg.Header), msg.Data); err != nil ||
		!bytes.Equal(f.Payload, picture(t)) {
		t.Errorf("snapshot: %v, %v", err, msg.Header)
	}
	msg, err = nc.Request("cam.porch.do.keyframe", nil, testutil.Timeout)
	if err != nil || msg.Header.Get(micro.ErrorCodeHeader) != "501" {
		t.Errorf("key frame of a file: %v, %v", err, msg.Header)
	}
}

// TestMicro: `nats micro ls` shows every camera.
func TestMicro(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	runAgent(t, newAgent(t, config(t, url, "porch=file:clip.jpeg", "desk=pattern:#size=160x120")), nc)
	inbox := nc.NewInbox()
	_, answers := subscribe(t, nc, inbox)
	if err := nc.PublishRequest("$SRV.INFO.camera", inbox, nil); err != nil {
		t.Fatal(err)
	}
	for cameras := map[string]bool{}; len(cameras) < 2; {
		var got micro.Info
		if err := json.Unmarshal(testutil.Receive(t, "both cameras", answers).Data, &got); err != nil {
			t.Fatal(err)
		}
		if got.Metadata["host"] != "pi1" || got.Metadata["format"] != "jpeg" {
			t.Errorf("metadata %v", got.Metadata)
		}
		cameras[got.Metadata["camera"]] = true
	}
}

func TestSubjectRoot(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	_, statuses := subscribe(t, nc, "site-1.cams.porch.status")
	cfg := config(t, url, "porch=file:clip.jpeg")
	cfg.SubjectRoot = "site-1.cams"
	testutil.Run(t, newAgent(t, cfg).Run)
	waitState(t, statuses, status.Idle)
}
