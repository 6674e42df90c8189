package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial connects an Ingest to a server, and waits until it is connected.
func dial(t *testing.T, url string, log *slog.Logger) *Ingest {
	t.Helper()
	in, err := Dial(Config{URL: url, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Close)
	testutil.Eventually(t, "connected", in.Connected)
	return in
}

// flush returns when the server has seen everything that nc has sent so far, and has sent everything for nc that came
// before.
func flush(t *testing.T, nc *nats.Conn) {
	t.Helper()
	if err := nc.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, nc *nats.Conn, msg *nats.Msg) {
	t.Helper()
	if err := nc.PublishMsg(msg); err != nil {
		t.Fatal(err)
	}
}

// listener is an Observer.
type listener struct {
	words       chan status.Status
	reconnected chan struct{}
}

// listen runs in and returns what it hands on, once it is subscribed.
func listen(t *testing.T, in *Ingest) *listener {
	t.Helper()
	l := &listener{make(chan status.Status, 1000), make(chan struct{}, 1000)}
	testutil.Run(t, func(ctx context.Context) error { return in.Run(ctx, l) })
	testutil.Receive(t, "the first connection", l.reconnected)
	flush(t, in.nc)
	return l
}

func (l *listener) OnStatus(s status.Status) { l.words <- s }
func (l *listener) OnReconnect()             { l.reconnected <- struct{}{} }

func word(camera string) status.Status {
	return status.Status{Camera: camera, Instance: "one", Host: "pi1", State: status.Idle, Format: frame.JPEG}
}

func encode(t *testing.T, s status.Status) []byte {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// serve is an agent as a NATS micro service that answers do.info with answer.
func serve(t *testing.T, nc *nats.Conn, root, camera string, answer []byte) {
	t.Helper()
	svc, err := micro.AddService(nc, micro.Config{
		Name: subject.Service, Version: "0.0.1", Metadata: map[string]string{"camera": camera, "root": root},
	})
	if err != nil {
		t.Fatal(err)
	}
	// An error means that the test has ended and the connection is closed.
	respond := micro.HandlerFunc(func(r micro.Request) { _ = r.Respond(answer) })
	err = svc.AddEndpoint("info", respond,
		micro.WithEndpointSubject(root+"."+camera+".do.info"), micro.WithEndpointQueueGroupDisabled())
	if err != nil {
		t.Fatal(err)
	}
	flush(t, nc)
}

// logCounter is a slog.Handler that counts warnings.
type logCounter struct {
	mu    sync.Mutex
	lines []string
}

func (*logCounter) Enabled(context.Context, slog.Level) bool { return true }
func (l *logCounter) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *logCounter) WithGroup(string) slog.Handler          { return l }

func (l *logCounter) Handle(_ context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return nil
	}
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return nil
}

// about returns the warnings that have text in them.
func (l *logCounter) about(text string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestDialRefusesABadURL(t *testing.T) {
	if in, err := Dial(Config{URL: "nats://[::1", Log: testutil.Log(t)}); err == nil {
		in.Close()
		t.Error("no error")
	}
}

func TestCloseWithoutServer(t *testing.T) {
	in, err := Dial(Config{URL: "nats://127.0.0.1:1", Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	if in.Connected() {
		t.Error("connected to nothing")
	}
	testutil.Run(t, func(ctx context.Context) error {
		return in.Run(ctx, &listener{})
	})()
	in.Close()
}

func TestAfterClose(t *testing.T) {
	in := dial(t, testutil.StartNATS(t), testutil.Log(t))
	in.Close()
	if _, err := in.SubscribeFrames("porch", newCam(t, "porch", frame.JPEG).feed(nil)); err == nil ||
		!strings.Contains(err.Error(), "cam.porch.jpeg") {
		t.Errorf("Feed: %v: want an error that names the subject", err)
	}
	if err := in.Run(t.Context(), &listener{}); err == nil || !strings.Contains(err.Error(), "cam.*.status") {
		t.Errorf("Run: %v: want an error that names the subject", err)
	}
	in.Wake("porch")
}

func TestCamerasAreFoundAtTheStart(t *testing.T) {
	url := testutil.StartNATS(t)
	agents := testutil.Connect(t, url)
	log := &logCounter{}
	for _, camera := range []string{"porch", "yard"} {
		serve(t, agents, "cam", camera, encode(t, word(camera)))
	}
	serve(t, agents, "cam", "porch", encode(t, word("porch"))) // a second one with this id: asked once is enough
	serve(t, agents, "other", "attic", encode(t, word("attic")))
	serve(t, agents, "cam", "liar", encode(t, word("porch")))
	serve(t, agents, "cam", "mute", nil)
	serve(t, agents, "cam", "UPPER", encode(t, word("upper")))
	respond := func(m *nats.Msg) { _ = m.Respond([]byte("{")) } // an error means that the test has ended
	if _, err := agents.Subscribe("$SRV.INFO.camera", respond); err != nil {
		t.Fatal(err)
	}
	flush(t, agents)
	in := dial(t, url, slog.New(log))
	l := listen(t, in)
	found := map[string]bool{}
	for range 2 {
		found[testutil.Receive(t, "a camera", l.words).Camera] = true
	}
	if !found["porch"] || !found["yard"] {
		t.Errorf("found %v: want porch and yard", found)
	}
	for _, subj := range []string{"cam.liar.do.info", "cam.mute.do.info", "$SRV.INFO.camera"} {
		testutil.Eventually(t, "complaint about "+subj, func() bool { return len(log.about(subj)) == 1 })
	}
	if n := len(log.about("")); len(l.words) != 0 || n != 3 {
		t.Errorf("%d more cameras, warnings %q: want no word of the camera of another root and of the bad name",
			len(l.words), log.about(""))
	}
}

func TestCamerasAreFoundWhenTheyReport(t *testing.T) {
	url := testutil.StartNATS(t)
	log := &logCounter{}
	l := listen(t, dial(t, url, slog.New(log)))
	agent := testutil.Connect(t, url)
	send := func(camera string, data []byte) {
		publish(t, agent, &nats.Msg{Subject: "cam." + camera + ".status", Data: data})
	}
	porch := encode(t, word("porch"))
	for range 6 { // fewer than a flood
		send("yard", []byte("{"))
		send("yard", []byte(`[]`))
		send("yard", nil)
		send("yard", porch) // of another camera
		send("yard", append(encode(t, word("yard")), make([]byte, status.MaxSize)...))
		send("yard", []byte(`{"camera":"yard","instance":"x","format":"jpeg","state":"on fire"}`))
		send("NO", porch)
		send("porch", porch)
	}
	for range 6 {
		if s := testutil.Receive(t, "the good one's status", l.words); s.Camera != "porch" || s.Host != "pi1" {
			t.Errorf("got %+v", s)
		}
	}
	if len(l.words) != 0 {
		t.Errorf("a broken document was taken: %+v", <-l.words)
	}
	if n := len(log.about("dropped")); n != 2 {
		t.Errorf("%d lines for 42 broken documents on two subjects: want one each: %q", n, log.about(""))
	}
}

func TestRequestStatus(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agents := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	serve(t, agents, "cam", "porch", encode(t, word("porch")))
	serve(t, agents, "cam", "yard", []byte("{"))
	if _, err := agents.Subscribe("cam.deaf.do.info", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	flush(t, agents)
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	if s, err := in.RequestStatus(ctx, "porch"); err != nil || s.Host != "pi1" {
		t.Errorf("got %+v, %v: want the status", s, err)
	}
	if _, err := in.RequestStatus(ctx, "yard"); err == nil || errors.Is(err, cameras.ErrNoAgent) ||
		!strings.Contains(err.Error(), "cam.yard.do.info") {
		t.Errorf("got %v: want an error that names the subject", err)
	}
	if _, err := in.RequestStatus(ctx, "absent"); !errors.Is(err, cameras.ErrNoAgent) {
		t.Errorf("got %v: want ErrNoAgent", err)
	}
	short, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if _, err := in.RequestStatus(short, "deaf"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v: want the context's error", err)
	}
}

func TestWakeAsksForAKeyFrameToo(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agent := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	asked := make(chan *nats.Msg, 10)
	if _, err := agent.ChanSubscribe("cam.porch.do.*", asked); err != nil {
		t.Fatal(err)
	}
	flush(t, agent)
	in.Wake("porch")
	for _, want := range []string{"cam.porch.do.wake", "cam.porch.do.keyframe"} {
		if msg := testutil.Receive(t, want, asked); msg.Subject != want {
			t.Errorf("%s: want %s", msg.Subject, want)
		}
	}
}
