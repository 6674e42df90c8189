package outage

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// fixture is a NATS server in a process of its own, an agent in another one, and a subscriber.
type fixture struct {
	t      *testing.T
	name   string
	format frame.Format
	addr   string // of the server
	nats   *proc.Process
	agent  *proc.Process
	nc     *nats.Conn // the subscriber's

	begin, end  func()        // of the outage
	maxLeftOver int           // how many frames of before the outage may arrive after it
	last        status.Status // what the camera said before it
	down, up    time.Time     // when it began and ended

	mu  sync.Mutex
	got []arrival // guarded by mu
}

// arrival is a frame and when the subscriber got it.
type arrival struct {
	frame.Frame
	at time.Time
}

func (a arrival) age() time.Duration { return a.at.Sub(a.CaptureTime) }

func newFixture(t *testing.T, name string, format frame.Format, clip string) *fixture {
	t.Helper()
	s := &fixture{t: t, name: name, format: format, addr: freePort(t)}
	s.startNATS()
	s.subscribe()
	s.agent = startProcess(t, nil, os.Getenv(agentEnv), "--hub", "nats://"+s.addr, "--camera",
		"porch=file:"+clip+"#fps=30")
	return s
}

// freePort returns an address that was free just now, for a server that must come back at the same place.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it has no connections
	return l.Addr().String()
}

func (s *fixture) startNATS() {
	s.t.Helper()
	s.nats = startProcess(s.t, []string{serveEnv + "=" + s.addr}, os.Args[0])
	ctx, cancel := context.WithTimeout(s.t.Context(), testutil.Timeout)
	defer cancel()
	if err := s.nats.WaitOutput(ctx, "listening on"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *fixture) signal(sig os.Signal) {
	if err := s.nats.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// subscribe notes the camera's frames. Its connection is back at once after an outage, so that it misses nothing.
func (s *fixture) subscribe() {
	s.t.Helper()
	closed := make(chan struct{})
	nc, err := nats.Connect("nats://"+s.addr, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.ReconnectJitter(0, 0),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		nc.Close()
		<-closed
	})
	s.nc = nc
	_, err = nc.Subscribe("cam.porch."+string(s.format), func(m *nats.Msg) {
		at := time.Now()
		if len(m.Data) == 0 {
			return
		}
		f, err := frame.Decode(s.format, frame.Header(m.Header), m.Data)
		if err != nil {
			s.t.Errorf("frame: %v", err)
			return
		}
		f.Payload = nil // only its times are of interest
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, arrival{f, at})
	})
	if err == nil {
		err = nc.FlushTimeout(testutil.Timeout)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// since returns the frames that arrived after t.
func (s *fixture) since(t time.Time) (list []arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.got {
		if a.at.After(t) {
			list = append(list, a)
		}
	}
	return list
}

// status asks the agent what the camera is doing.
func (s *fixture) status(t *testing.T) status.Status {
	t.Helper()
	msg, err := s.nc.Request("cam.porch.do.info", nil, testutil.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	st, err := status.Decode(msg.Data)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// startProcess starts a program and shows what it said if the test fails.
func startProcess(t *testing.T, env []string, name string, args ...string) *proc.Process {
	t.Helper()
	p, err := proc.Start(env, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(name), p.Output())
		}
	})
	return p
}
