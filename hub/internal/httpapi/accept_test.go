package httpapi

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
)

// queue is a listener at which somebody always waits.
type queue struct{ net.Listener }

func (queue) Accept() (net.Conn, error) { return nil, nil } //nolint:nilnil // nobody looks at the connection

// TestArrivals: a hundred are taken at once, then as many as the limit says, and the limit may change.
func TestArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArrivals(50)
		l := politeListener{queue{}, a, t.Context()}
		take := func(n int) time.Duration {
			start := time.Now()
			for range n {
				if _, err := l.Accept(); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(start)
		}
		if d := take(100); d != 0 || a.delayed.Load() != 0 {
			t.Errorf("the first hundred took %v, and %d waited", d, a.delayed.Load())
		}
		if d := take(100); d < 1990*time.Millisecond || d > 2010*time.Millisecond || a.delayed.Load() != 100 {
			t.Errorf("another hundred took %v, and %d waited: want 50 a second", d, a.delayed.Load())
		}
		a.change(1000)
		if d := take(100); d < 90*time.Millisecond || d > 110*time.Millisecond {
			t.Errorf("with 1000 a second a hundred took %v", d)
		}
		a.change(0)
		if d := take(10000); d != 0 {
			t.Errorf("without a limit ten thousand took %v", d)
		}
	})
}

// TestArrivalsEnd: nobody waits for a turn when the server stops.
func TestArrivalsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		a := newArrivals(1)
		l := politeListener{queue{}, a, ctx}
		time.AfterFunc(90*time.Second, cancel)
		start := time.Now()
		for range 100 + 1000 {
			if _, err := l.Accept(); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d != 90*time.Second {
			t.Errorf("it took %v until the last one was let in: want the 90 s until the server stopped", d)
		}
	})
}

// TestArrivalsOfServer: the server's connections are counted among those that wait, and answered.
func TestArrivalsOfServer(t *testing.T) {
	r := newRig(t, stream.Config{}, func(s *Server) {
		s.Change(Live{Limits: Limits{Rate: 500}, AllowHosts: s.cfg.AllowHosts})
		s.arrivals.limit.SetBurst(0) // everybody has to wait, which is refused at once
	})
	for n := range uint64(3) {
		c := r.send("GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
		c.head()
		if c.resp.StatusCode != http.StatusOK || r.srv.arrivals.delayed.Load() != n+1 {
			t.Errorf("%s, and %d have waited, want %d", c.resp.Status, r.srv.arrivals.delayed.Load(), n+1)
		}
	}
}
