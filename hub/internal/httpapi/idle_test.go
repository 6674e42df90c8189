package httpapi

import (
	"io"
	"net/http"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestIdle: an address keeps at most maxIdle connections open between two requests. The oldest are closed, with TLS
// too. An active connection stays.
func TestIdle(t *testing.T) {
	const most, tries = 8, 60
	r := newRig(t, stream.Config{}, func(s *Server) {
		s.idle.max, s.idle.exempt = most, func(string) bool { return false }
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
	if closed := r.srv.guests.refusals()[limitIdle]; closed != tries-most {
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
	testutil.Eventually(t, "nothing is remembered", func() bool {
		r.srv.idle.mu.Lock()
		defer r.srv.idle.mu.Unlock()
		return len(r.srv.idle.byAddress) == 0
	})
}

// idleSoFar returns how many connections have become idle, including those that were closed for it.
func (r *rig) idleSoFar() int {
	r.srv.idle.mu.Lock()
	n := 0
	for _, list := range r.srv.idle.byAddress {
		n += len(list)
	}
	r.srv.idle.mu.Unlock()
	return n + int(r.srv.guests.refusals()[limitIdle])
}
