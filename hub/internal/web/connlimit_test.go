package web

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/connlimit"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestIdle: an address keeps at most connlimit.MaxIdle connections open between two requests. The oldest are closed,
// with TLS too. An active connection stays.
func TestIdle(t *testing.T) {
	const most, tries = 8, 60
	r := newFixture(t, stream.Config{}, func(s *Server) {
		s.idle = connlimit.NewIdle(most, noneExempt, func(address string) { s.tracker.Reject(viewers.LimitIdle, address) })
	})
	r.camera("desk", frame.JPEG).picture()
	busy := r.mjpeg("/cam/desk.mjpeg")
	var all []*conn
	for range tries {
		c := r.send("GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n")
		c.head()
		if _, err := io.Copy(io.Discard, c.resp.Body); err != nil || c.resp.StatusCode != http.StatusOK {
			t.Fatalf("%s, %v", c.resp.Status, err)
		}
		all = append(all, c)
		testutil.Eventually(t, "it is idle", func() bool { return r.idleSoFar() == len(all) })
	}
	if closed := r.rejected(viewers.LimitIdle); closed != tries-most {
		t.Errorf("%d are counted as closed", closed)
	}
	for _, c := range all[:tries-most] {
		if b, err := c.r.ReadByte(); err == nil {
			t.Fatalf("one of the oldest stays, and hears %q", b)
		}
	}
	for _, c := range all[tries-most:] {
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if c.head(); c.resp.StatusCode != http.StatusOK {
			t.Errorf("one of the newest: %s", c.resp.Status)
		}
	}
	busy.part()
	for _, c := range all {
		_ = c.Close() // the hub has closed some of them
	}
	testutil.Eventually(t, "nothing is remembered", func() bool { return r.srv.idle.Len() == 0 })
}

// idleSoFar returns how many connections have become idle, including closed ones.
func (r *fixture) idleSoFar() int { return r.srv.idle.Len() + r.rejected(viewers.LimitIdle) }

func noneExempt(string) bool { return false }

// TestPendingConns: an address has a limited number of connections without a request.
func TestPendingConns(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) {
		s.pending = connlimit.NewPending(3, noneExempt,
			func(address string) { s.tracker.Reject(viewers.LimitPending, address) })
		s.times.header = hour
	})
	var waiting []*conn
	for range 3 {
		waiting = append(waiting, r.send("GET /healthz HTTP/1.1\r\nHo"))
	}
	testutil.Eventually(t, "they wait", func() bool { return r.srv.pending.Len() == 3 })
	if b, err := r.send("").r.ReadByte(); err == nil {
		t.Errorf("a fourth is let in, and hears %q", b)
	}
	if n := r.rejected(viewers.LimitPending); n != 1 {
		t.Errorf("%d are counted", n)
	}
	if _, err := waiting[0].Write([]byte("st: hub\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if waiting[0].head(); waiting[0].resp.StatusCode != 200 {
		t.Error(waiting[0].resp.Status)
	}
	c := r.send("GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n") // the first one's place
	if c.head(); c.resp.StatusCode != 200 {
		t.Error(c.resp.Status)
	}
	for _, c := range waiting {
		_ = c.Close() // a connection that ends without a request makes room, too
	}
	testutil.Eventually(t, "no connection waits", func() bool { return r.srv.pending.Len() == 0 })
}

// always is a listener at which a connection always waits.
type always struct{ net.Listener }

func (always) Accept() (net.Conn, error) { return nil, nil } //nolint:nilnil // no test uses the connection

// TestAcceptLimit opens connections faster than the limit. They are answered, and counted as delayed.
func TestAcceptLimit(t *testing.T) {
	t.Parallel()
	r := newFixture(t, stream.Config{}, func(s *Server) {
		s.Update(RuntimeConfig{Limits: viewers.Limits{Rate: 4}, AllowHosts: s.cfg.AllowHosts})
		l := s.accept.Listener(t.Context(), always{})
		for range 100 { // as many are accepted without a pause
			_, _ = l.Accept()
		}
	})
	for range 3 {
		c := r.send("GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
		c.head()
		if c.resp.StatusCode != http.StatusOK {
			t.Error(c.resp.Status)
		}
	}
	_, body := r.do(http.MethodGet, "/metrics")
	if !strings.Contains(string(body), "\nbramble_hub_connections_delayed_total 4\n") {
		t.Errorf("the three and that of the metrics have waited, but not in %s", body)
	}
}
