package v4l2

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// fixture is a hub on this machine and an agent in the guest.
type fixture struct {
	t    *testing.T
	root string // of the hub's URLs
	nc   *nats.Conn

	stopAgent func(signal string) int
}

// What the cameras are called, and where they are in the guest.
const (
	byID      = "/dev/v4l/by-id/usb-v4l2vm_Rig_UVC_Camera_V4L2VM0001-video-index0"
	uvcMJPEG  = "uvc=v4l2:" + byID + "#format=mjpeg&size=1280x720&fps=30"
	loopH264  = "loop=v4l2:/dev/video11#format=h264"
	vividYUYV = "vivid=v4l2:/dev/v4l/by-path/platform-vivid.0-video-index0#format=yuyv&size=320x180&fps=10"
)

// newFixture starts both, the agent with the given arguments.
func newFixture(t *testing.T, v *vm, agent ...string) *fixture {
	t.Helper()
	s := &fixture{t: t}
	var natsURL string
	s.root, natsURL = startHub(t)
	s.nc = testutil.Connect(t, natsURL)
	_, port, _ := strings.Cut(strings.TrimPrefix(natsURL, "nats://"), ":")
	const log = "agent.log"
	v.sh(t, "rm -f %s", log)
	command := "./bramble-agent --hub nats://10.0.2.2:" + port + " --linger 2s"
	for _, arg := range agent {
		command += " '" + arg + "'"
	}
	s.stopAgent = v.background(t, log, command)
	t.Cleanup(func() {
		if code := s.stopAgent("TERM"); code != 0 {
			t.Errorf("the agent ends with code %d", code)
		}
		if !t.Failed() && strings.Contains(v.sh(t, "cat %s", log), "panic") {
			t.Error("the agent has panicked")
		}
	})
	return s
}

// startHub runs a hub in this process, under the race detector.
func startHub(t *testing.T) (root, natsURL string) {
	t.Helper()
	h, err := hub.New(hub.Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, h.Run)
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	addr, natsURL, err := h.WaitStarted(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + addr, natsURL
}

// statuses notes every status document of a camera from now on.
func (s *fixture) statuses(camera string) *statuses {
	s.t.Helper()
	list := &statuses{t: s.t, got: make(chan *nats.Msg, 1000)}
	s.subscribe("cam."+camera+".status", list.got)
	return list
}

func (s *fixture) subscribe(subject string, into chan *nats.Msg) (stop func()) {
	s.t.Helper()
	sub, err := s.nc.ChanSubscribe(subject, into)
	if err == nil {
		err = s.nc.FlushTimeout(testutil.Timeout)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return func() {
		if err := sub.Unsubscribe(); err != nil {
			s.t.Error(err)
		}
	}
}

// statuses are the status documents of one camera.
type statuses struct {
	t   *testing.T
	got chan *nats.Msg
}

// wait returns the next status in the given state.
func (l *statuses) wait(state status.State) status.Status {
	l.t.Helper()
	var last status.Status
	defer func() {
		if l.t.Failed() {
			l.t.Logf("waited for %s, last was %+v", state, last)
		}
	}()
	deadline := time.After(testutil.Timeout)
	for {
		select {
		case msg := <-l.got:
			var err error
			if last, err = status.Decode(msg.Data); err != nil {
				l.t.Fatal(err)
			}
			if last.State == state {
				return last
			}
		case <-deadline:
			l.t.Fatalf("no status says %s", state)
		}
	}
}

// info asks the agent what a camera does now. It waits until the agent serves it.
func (s *fixture) info(camera string) (st status.Status) {
	s.t.Helper()
	testutil.Eventually(s.t, "the agent answers for "+camera, func() bool {
		msg, err := s.nc.Request("cam."+camera+".do.info", nil, testutil.Timeout)
		if err == nil {
			st, err = status.Decode(msg.Data)
		}
		return err == nil
	})
	return st
}

// do requests a verb of a camera.
func (s *fixture) do(camera, verb, payload string) *nats.Msg {
	s.t.Helper()
	msg, err := s.nc.Request("cam."+camera+".do."+verb, []byte(payload), testutil.Timeout)
	if err != nil {
		s.t.Fatal(err)
	}
	if fault := msg.Header.Get("Nats-Service-Error"); fault != "" {
		s.t.Fatalf("%s of %s: %s", verb, camera, fault)
	}
	return msg
}

// frames delivers the frames of a camera, from now on until stop is called.
func (s *fixture) frames(camera string, format frame.Format) (next func() frame.Frame, stop func()) {
	s.t.Helper()
	got := make(chan *nats.Msg, 10_000)
	stop = s.subscribe("cam."+camera+"."+string(format), got)
	return func() (f frame.Frame) {
		s.t.Helper()
		deadline := time.After(testutil.Timeout)
		for {
			select {
			case msg := <-got:
				if len(msg.Data) == 0 { // a question
					continue
				}
				f, err := frame.Decode(format, frame.Header(msg.Header), msg.Data)
				if err != nil {
					s.t.Fatal(err)
				}
				return f
			case <-deadline:
				s.t.Fatalf("no frame of %s", camera)
			}
		}
	}, stop
}

// waitHub waits until the hub knows the camera.
func (s *fixture) waitHub(camera string) {
	s.t.Helper()
	c := client(s.t)
	testutil.Eventually(s.t, "the hub knows "+camera, func() bool {
		resp, err := c.Get(s.root + "/api/v1/cameras/" + camera)
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, resp.Body) // only the code matters
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

// client returns an HTTP client whose connections end with the test.
func client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// open requests a stream that ends with the test.
func (s *fixture) open(path string) *bufio.Reader {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.root+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := client(s.t).Do(req)
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		cancel()
		_ = resp.Body.Close() // it was cut
	})
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s", path, resp.Status)
	}
	return bufio.NewReaderSize(resp.Body, 1<<16)
}
