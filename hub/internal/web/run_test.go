package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/output/ws"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestStop stops the hub while viewers read, stall and send nothing. All connections end, without an error in the
// log.
func TestStop(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) {
		s.cfg.WriteTimeout, s.times = hour, times{
			output.Timing{FirstFrame: hour, Idle: hour, Placeholder: hour, Stop: 200 * time.Millisecond}, hour, hour,
			ws.Timing{Timing: &s.times.Timing, Ping: hour, List: hour},
		}
	})
	desk, yard, big := r.camera("desk", frame.JPEG), r.camera("yard", frame.H264), r.camera("big", frame.JPEG)
	desk.picture()
	yard.access(units(t, "slices.h264")[0])
	next := source(t, big)
	next()
	viewers := []*conn{r.open("/cam/desk.mjpeg"), r.open("/cam/yard.h264"), r.open("/cam/yard.mp4")}
	stalled := r.open("/cam/big.mjpeg")
	for taken := uint64(0); taken != big.stream.FramesOut.Load(); { // until its sockets are full
		taken = big.stream.FramesOut.Load()
		next()
		<-time.After(4 * moment)
	}
	silent := r.send("")
	if resp, _ := r.do("GET", "/healthz"); resp.StatusCode != 200 { // this connection stays open, idle
		t.Error(resp.Status)
	}
	r.stop()
	for _, c := range viewers {
		c.ends()
	}
	for _, c := range []*conn{stalled, silent} {
		if _, err := io.Copy(io.Discard, c.r); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Error(err)
		}
	}
	for _, c := range []*camera{desk, yard, big} {
		c.viewers(0)
	}
	if c, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("the server still listens")
		_ = c.Close()
	}
}

// TestListenerFails: the error of the listener ends the server and its viewers, and Run returns it.
func TestListenerFails(t *testing.T) {
	h := newTestServer(t, stream.Config{})
	desk := h.camera("desk", frame.JPEG)
	desk.picture()
	l := &failing{listener: listen(t), err: errors.New("out of luck")}
	r := &fixture{testServer: h, addr: l.Addr().String()}
	done := make(chan error, 1)
	go func() { done <- h.srv.Run(context.Background(), l) }()
	viewer := r.mjpeg("/cam/desk.mjpeg")
	viewer.part()
	l.fail() // with the next connection
	r.send("")
	if err := testutil.Receive(t, "Run's error", done); !errors.Is(err, l.err) ||
		!strings.HasPrefix(err.Error(), "HTTP: ") {
		t.Errorf("Run: %v", err)
	}
	viewer.ends()
	desk.viewers(0)
}

// failing is a listener whose failure the test triggers.
type failing struct {
	*listener
	err error

	mu   sync.Mutex
	fell bool
}

func (l *failing) fail() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fell = true
}

func (l *failing) Accept() (net.Conn, error) {
	conn, err := l.listener.Accept()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.fell {
		return nil, errors.Join(l.err, conn.Close())
	}
	return conn, err
}

// TestPanic: a panic is answered like any other error, and logged once with its stack. Other requests continue.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	r := newFixture(t, stream.Config{},
		func(s *Server) { s.cfg.Log = slog.New(slog.NewTextHandler(&log, nil)); s.compose() })
	r.testServer.reg.OnStatus((&camera{id: "desk", format: frame.JPEG}).status("live", ""))
	r.agents.feedFunc = func() { panic("oh no") }
	resp, body := r.do(http.MethodGet, "/cam/desk.jpeg")
	checkProblem(t, resp, body, problem.Problem{Title: "Internal error", Status: 500}, []string{"log"})
	if resp, _ := r.do(http.MethodGet, "/healthz"); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	r.stop()
	if output := log.String(); strings.Count(output, "oh no") != 1 || !strings.Contains(output, "run_test.go") ||
		bytes.Contains(body, []byte("oh no")) {
		t.Errorf("the log says %s", output)
	}
}

// TestNoDeadline: a response writer without write deadlines gets an error, not an empty success.
func TestNoDeadline(t *testing.T) {
	h := newTestServer(t, stream.Config{})
	h.camera("desk", frame.JPEG).picture()
	w := httptest.NewRecorder()
	h.srv.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/cam/desk.mjpeg", nil))
	checkProblem(t, w.Result(), w.Body.Bytes(), problem.Problem{Title: "Internal error", Status: 500}, nil)
}

func TestDefaults(t *testing.T) {
	s := New(Config{Outputs: outputs.All(), Log: testutil.Log(t)})
	want := defaultTimes()
	want.ws.Timing = &s.times.Timing
	if s.cfg.WriteTimeout != 10*time.Second || s.times != want {
		t.Errorf("%v, %+v", s.cfg.WriteTimeout, s.times)
	}
}
