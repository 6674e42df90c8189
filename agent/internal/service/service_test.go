package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeCamera does what its functions say.
type fakeCamera struct {
	status    status.Status
	woken     chan struct{}
	keyFrame  error
	settings  chan status.Settings
	configure error
	bitrate   atomic.Int64
	snapshot  func(context.Context) (frame.Frame, error)
}

func newFakeCamera() *fakeCamera {
	return &fakeCamera{
		status: status.Status{
			Camera: "porch", Instance: "abc", Host: "pi1", Agent: "1.2.3-rc.1+build.5", State: status.Idle, Format: frame.H264,
			Source: "exec",
		},
		woken:    make(chan struct{}, 1),
		settings: make(chan status.Settings, 1),
		snapshot: func(context.Context) (frame.Frame, error) {
			return frame.Frame{
				Format: frame.H264, Seq: 7, PTS: time.Second, CaptureTime: time.Unix(1, 2), Epoch: 3, Key: true,
				Payload: []byte("picture"),
			}, nil
		},
	}
}

func (c *fakeCamera) Status() status.Status { return c.status }
func (c *fakeCamera) Info() status.Status {
	s := c.status
	s.Controls = []status.Control{{Name: "brightness", Type: "int", Min: -64, Max: 64, Step: 1, Value: 7}}
	return s
}

func (c *fakeCamera) Configure(s status.Settings) error {
	c.settings <- s
	return c.configure
}

func (c *fakeCamera) Bitrate() int64         { return c.bitrate.Load() }
func (c *fakeCamera) Wake()                  { c.woken <- struct{}{} }
func (c *fakeCamera) RequestKeyFrame() error { return c.keyFrame }

func (c *fakeCamera) Snapshot(ctx context.Context) (frame.Frame, error) { return c.snapshot(ctx) }

// served is a camera's service and a client of it.
type served struct {
	t       *testing.T
	service *Service
	cancel  context.CancelFunc
	nc      *nats.Conn
}

func serve(t *testing.T, camera Camera, opts server.Options) *served {
	t.Helper()
	url := testutil.StartServer(t, opts).ClientURL()
	ctx, cancel := context.WithCancel(context.Background())
	agent := testutil.Connect(t, url)
	s, err := Serve(ctx, agent, subject.Space{}, camera, testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := agent.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	return &served{t, s, cancel, testutil.Connect(t, url)}
}

func (s *served) ask(v subject.Verb) *nats.Msg {
	s.t.Helper()
	msg, err := s.nc.Request(subject.Space{}.Do("porch", v), nil, testutil.Timeout)
	if err != nil {
		s.t.Fatalf("%s: %v", v, err)
	}
	return msg
}

// askError asks and expects an error with this code, and with all of these parts in its text.
func (s *served) askError(v subject.Verb, code string, parts ...string) {
	s.t.Helper()
	msg := s.ask(v)
	text := msg.Header.Get(micro.ErrorHeader)
	if got := msg.Header.Get(micro.ErrorCodeHeader); got != code {
		s.t.Errorf("%s: code %q (%s), want %s", v, got, text, code)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			s.t.Errorf("%s: error %q does not say %q", v, text, part)
		}
	}
}

func TestInfo(t *testing.T) {
	camera := newFakeCamera()
	s := serve(t, camera, server.Options{})
	got, err := status.Decode(s.ask(subject.Info).Data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Camera != "porch" || got.Host != "pi1" || got.State != status.Idle {
		t.Errorf("%+v", got)
	}
}

func TestWake(t *testing.T) {
	camera := newFakeCamera()
	s := serve(t, camera, server.Options{})
	if got := string(s.ask(subject.Wake).Data); got != `{"ok":true}` {
		t.Errorf("answer %s", got)
	}
	testutil.Receive(t, "the wake", camera.woken)
	if err := s.nc.Publish(subject.Space{}.Do("porch", subject.Wake),
		nil); err != nil { // who wants no answer need not ask for one
		t.Fatal(err)
	}
	testutil.Receive(t, "the wake without an answer", camera.woken)
}

func TestKeyFrame(t *testing.T) {
	camera := newFakeCamera()
	s := serve(t, camera, server.Options{})
	if got := string(s.ask(subject.KeyFrame).Data); got != `{"ok":true}` {
		t.Errorf("answer %s", got)
	}
}

func TestKeyFrameFails(t *testing.T) {
	for code, err := range map[string]error{"501": fmt.Errorf("key frame on request: %w", ErrUnsupported),
		"500": errors.New("the encoder\nhangs")} {
		camera := newFakeCamera()
		camera.keyFrame = err
		serve(t, camera, server.Options{}).askError(subject.KeyFrame, code, strings.Split(err.Error(), "\n")...)
	}
}

func TestSnapshot(t *testing.T) {
	camera := newFakeCamera()
	s := serve(t, camera, server.Options{})
	msg := s.ask(subject.Snapshot)
	got, err := frame.Decode(frame.H264, frame.Header(msg.Header), msg.Data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Seq != 7 || got.PTS != time.Second || got.Epoch != 3 || !got.Key || string(got.Payload) != "picture" {
		t.Errorf("%+v", got)
	}
}

func TestSnapshotOfADeadCamera(t *testing.T) {
	camera := newFakeCamera()
	camera.status.State, camera.status.Reason = status.Degraded, "no such device: plug it in"
	camera.snapshot = func(context.Context) (frame.Frame, error) { return frame.Frame{}, errors.New("no picture") }
	serve(t, camera, server.Options{}).askError(subject.Snapshot, "503", "no picture", "no such device: plug it in")
}

func TestSnapshotLargerThanTheServerAllows(t *testing.T) {
	camera := newFakeCamera()
	camera.snapshot = func(context.Context) (frame.Frame, error) {
		return frame.Frame{Format: frame.JPEG, Payload: make([]byte, 5000)}, nil
	}
	serve(t, camera, server.Options{MaxPayload: 4096}).askError(subject.Snapshot, "500", "5000 bytes",
		"max_payload of 4096", "set max_payload")
}

// TestSnapshotsDoNotQueue: requests do not wait for each other. Behind a dead camera each would wait five
// seconds in turn.
func TestSnapshotsDoNotQueue(t *testing.T) {
	const n = 20
	var all sync.WaitGroup
	all.Add(n)
	camera := newFakeCamera()
	camera.snapshot = func(context.Context) (frame.Frame, error) {
		all.Done()
		all.Wait() // until all requests are here
		return frame.Frame{Format: frame.JPEG, Payload: []byte("picture")}, nil
	}
	s := serve(t, camera, server.Options{})
	answers := make(chan string, n)
	var asking sync.WaitGroup
	for range n {
		asking.Go(func() {
			msg, err := s.nc.Request("cam.porch.do.snapshot", nil, testutil.Timeout)
			if err != nil {
				answers <- err.Error()
				return
			}
			answers <- string(msg.Data)
		})
	}
	asking.Wait()
	for range n {
		if got := <-answers; got != "picture" {
			t.Errorf("answer %q", got)
		}
	}
}

// TestSnapshotsAreBounded: so many requests wait for a picture and no more, and one requester gets half of these
// places.
func TestSnapshotsAreBounded(t *testing.T) {
	camera := newFakeCamera()
	waiting := make(chan struct{}, 2*maxSnapshots)
	camera.snapshot = func(ctx context.Context) (frame.Frame, error) {
		waiting <- struct{}{}
		<-ctx.Done()
		return frame.Frame{}, fmt.Errorf("no picture: %w", context.Cause(ctx))
	}
	s := serve(t, camera, server.Options{})
	answers := make(chan *nats.Msg, maxSnapshots)
	if _, err := s.nc.ChanSubscribe("_INBOX_A.>", answers); err != nil {
		t.Fatal(err)
	}
	if _, err := s.nc.ChanSubscribe("_INBOX_B.>", answers); err != nil {
		t.Fatal(err)
	}
	for _, inbox := range []string{"_INBOX_A", "_INBOX_B"} {
		for range maxSnapshots / 2 {
			if err := s.nc.PublishRequest("cam.porch.do.snapshot", inbox+".1", nil); err != nil {
				t.Fatal(err)
			}
			testutil.Receive(t, "a snapshot that waits", waiting)
		}
		if err := s.nc.PublishRequest("cam.porch.do.snapshot", inbox+".2", nil); err != nil {
			t.Fatal(err)
		}
		msg := testutil.Receive(t, "a refusal", answers)
		if msg.Header.Get(micro.ErrorCodeHeader) != "503" || msg.Subject != inbox+".2" {
			t.Fatalf("%s: headers %v", msg.Subject, msg.Header)
		}
	}
	s.askError(subject.Snapshot, "503", "try again later")

	s.cancel() // every request gets an answer when the agent ends
	for range maxSnapshots {
		if msg := testutil.Receive(t, "an answer", answers); msg.Header.Get(micro.ErrorCodeHeader) != "503" {
			t.Fatalf("headers %v", msg.Header)
		}
	}
}

// TestMicroInfo: `nats micro info camera` shows the camera and its verbs.
func TestMicroInfo(t *testing.T) {
	s := serve(t, newFakeCamera(), server.Options{})
	msg, err := s.nc.Request("$SRV.INFO.camera", nil, testutil.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	var info micro.Info
	if err := json.Unmarshal(msg.Data, &info); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"camera": "porch", "host": "pi1", "format": "h264", "root": "cam"} {
		if info.Metadata[key] != want {
			t.Errorf("metadata %s is %q, want %q", key, info.Metadata[key], want)
		}
	}
	if info.Name != "camera" || info.Version != "1.2.3-rc.1+build.5" || info.Description != "camera porch on pi1" {
		t.Errorf("%+v", info)
	}
	var subjects []string
	for _, e := range info.Endpoints {
		subjects = append(subjects, e.Subject)
	}
	slices.Sort(subjects)
	if got, want := strings.Join(subjects,
		" "),
		"cam.porch.do.configure cam.porch.do.info cam.porch.do.keyframe "+
			"cam.porch.do.snapshot cam.porch.do.wake"; got != want {
		t.Errorf("endpoints %s, want %s", got, want)
	}
}

// TestTwoAgents: both hear a request for the id that they share, so that the conflict shows.
func TestTwoAgents(t *testing.T) {
	url := testutil.StartNATS(t)
	cameras := []*fakeCamera{newFakeCamera(), newFakeCamera()}
	for _, c := range cameras {
		nc := testutil.Connect(t, url)
		s, err := Serve(t.Context(), nc, subject.Space{}, c, testutil.Log(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		})
		if err := nc.FlushTimeout(testutil.Timeout); err != nil {
			t.Fatal(err)
		}
	}
	if err := testutil.Connect(t, url).Publish("cam.porch.do.wake", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range cameras {
		testutil.Receive(t, "the wake", c.woken)
	}
}

func TestServeFails(t *testing.T) {
	nc := testutil.Connect(t, testutil.StartNATS(t))
	nc.Close()
	_, err := Serve(t.Context(), nc, subject.Space{}, newFakeCamera(), testutil.Log(t))
	if !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("a closed connection: %v", err)
	}
}

func TestStopWithoutAConnection(t *testing.T) {
	srv := testutil.StartServer(t, server.Options{})
	lost := make(chan struct{}, 2)
	nc, err := nats.Connect(srv.ClientURL(), nats.DisconnectErrHandler(func(*nats.Conn, error) { lost <- struct{}{} }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	for _, ready := range []func(){
		func() {
			testutil.StopServer(srv)
			testutil.Receive(t, "the loss", lost)
		},
		nc.Close,
	} {
		s, err := Serve(t.Context(), nc, subject.Space{}, newFakeCamera(), testutil.Log(t))
		if err != nil {
			t.Fatal(err)
		}
		ready()
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// A request whose answer would be published as a frame of a camera is ignored.
func TestAnswersGoToInboxesOnly(t *testing.T) {
	t.Parallel()
	c := newFakeCamera()
	asked := make(chan struct{}, 4)
	c.snapshot = func(context.Context) (frame.Frame, error) {
		asked <- struct{}{}
		return frame.Frame{Format: frame.H264, Key: true, Payload: []byte("picture")}, nil
	}
	s := serve(t, c, server.Options{})
	got := make(chan *nats.Msg, 4)
	if _, err := s.nc.ChanSubscribe("cam.garden.>", got); err != nil {
		t.Fatal(err)
	}
	for _, reply := range []string{"cam.garden.jpeg", "cam.porch.h264", "$JS.API.INFO"} {
		if err := s.nc.PublishRequest("cam.porch.do.snapshot", reply, nil); err != nil {
			t.Fatal(err)
		}
	}
	s.ask(subject.Snapshot) // micro has one goroutine for all requests of a verb: those of before are done with
	if len(asked) != 1 || len(got) != 0 {
		t.Errorf("%d pictures taken, %d published: want that of the honest request only", len(asked), len(got))
	}
}
