package web

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
)

// newHTTP2 serves a testServer over HTTP/2, by a server that is not Server.Run's.
func newHTTP2(t *testing.T, h *testServer) *fixture {
	t.Helper()
	ts := httptest.NewUnstartedServer(h.srv)
	ts.EnableHTTP2 = true
	ts.StartTLS()
	t.Cleanup(ts.Close)
	return &fixture{testServer: h, addr: ts.Listener.Addr().String(), client: ts.Client()}
}

// get2 begins a request over HTTP/2 that ends with the test.
func (r *fixture) get2(path string) *conn {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+r.addr+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = resp.Body.Close() }) // the stream is cut, not read to its end
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s %s", resp.Proto, resp.Status)
	}
	return &conn{t: r.t, r: bufio.NewReader(resp.Body), resp: resp}
}

func TestHTTP2(t *testing.T) {
	r := newHTTP2(t, newTestServer(t, stream.Config{}))
	desk, yard, list := r.camera("desk", frame.JPEG), r.camera("yard", frame.H264), units(t, "slices.h264")
	pictures, raw, mp4 := r.get2("/cam/desk.mjpeg"), (*conn)(nil), (*conn)(nil)
	pictures.preamble()
	yard.access(list[0])
	raw, mp4 = r.get2("/cam/yard.h264"), r.get2("/cam/yard.mp4")
	mp4.movie().init(list[0].params)
	for _, u := range list[:8] {
		if !u.key {
			yard.access(u)
		}
		raw.expect("an access unit", u.data)
		mp4.movie().fragment(u)
		want := desk.picture()
		if got := pictures.part(); !bytes.Equal(got.picture, want) {
			t.Errorf("got %q, want %q", got.picture, want)
		}
	}
	if h := pictures.resp.Header; h.Get("Connection") != "" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", h)
	}
	yard.viewers(2)
	_ = raw.resp.Body.Close() // the viewer leaves; the connection stays
	yard.viewers(1)
	_ = mp4.resp.Body.Close()
	yard.viewers(0)
	desk.viewers(1)
}

// TestHTTP2Stalls stalls a viewer over HTTP/2. The hub ends its stream, and the connection's other streams continue.
func TestHTTP2Stalls(t *testing.T) {
	h := newTestServer(t, stream.Config{})
	h.srv.cfg.WriteTimeout = 200 * time.Millisecond
	r := newHTTP2(t, h)
	c := r.camera("c", frame.JPEG)
	next := source(t, c)
	next()
	r.get2("/cam/c.mjpeg")
	c.viewers(1)
	for n := 0; c.Info().Viewers == 1; n++ {
		if n == 3000 {
			t.Fatal("the stalled viewer stays")
		}
		next()
		<-time.After(moment)
	}
	if got := r.get2("/cam/c.jpeg"); got.resp.StatusCode != http.StatusOK {
		t.Error(got.resp.Status)
	}
}

// TestHTTP10: a response to HTTP/1.0 ends with its connection, like all streams.
func TestHTTP10(t *testing.T) {
	r := newFixture(t, stream.Config{})
	desk := r.camera("desk", frame.JPEG)
	want := desk.picture()
	c := r.send("GET /cam/desk.mjpeg HTTP/1.0\r\n\r\n")
	c.head()
	c.preamble()
	if got := c.part(); !bytes.Equal(got.picture, want) {
		t.Errorf("got %q", got.picture)
	}
	c = r.send("GET /cam/desk.jpeg HTTP/1.0\r\n\r\n")
	c.head()
	if body, err := io.ReadAll(c.resp.Body); err != nil || !bytes.Equal(body, want) {
		t.Errorf("got %q, %v", body, err)
	}
}

// TestPipelined sends another request, or invalid bytes, after the request for a stream. The hub does not answer
// them, and other viewers are unaffected.
func TestPipelined(t *testing.T) {
	r := newFixture(t, stream.Config{}, fast, func(s *Server) { s.times.Placeholder = hour })
	desk := r.camera("desk", frame.JPEG)
	desk.picture()
	for _, more := range []string{"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n", strings.Repeat("\x00\xff", 50_000)} {
		c := r.send("GET /cam/desk.mjpeg HTTP/1.1\r\nHost: hub\r\n\r\n" + more)
		c.head()
		c.preamble()
		for range 5 {
			c.part()
		}
		want := desk.picture()
		if got := c.partOf(desk.seq); !bytes.Equal(got.picture, want) {
			t.Errorf("got %q", got.picture)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		desk.viewers(0)
	}
}

// TestSlowClients: the hub disconnects a client that takes too long to send its request.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	header := newFixture(t, stream.Config{},
		func(s *Server) { s.times.header, s.times.request = 50*time.Millisecond, hour })
	body := newFixture(t, stream.Config{}, func(s *Server) { s.times.header, s.times.request = hour, 50*time.Millisecond })
	for name, text := range map[string]string{
		"nothing":       "",
		"half a line":   "GET / HT",
		"half a header": "GET /healthz HTTP/1.1\r\nHost: hub\r\nX-",
		"half a body":   "POST /healthz HTTP/1.1\r\nHost: hub\r\nContent-Length: 100\r\n\r\nhello",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := header
			if name == "half a body" {
				r = body
			}
			c := r.send(text)
			if _, err := io.Copy(io.Discard, c.r); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Error(err)
			}
		})
	}
}

// TestHeaderLimit: a header that is too long is refused. A stream outlives the time limit of a request.
func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	r := newFixture(t, stream.Config{}, fast, func(s *Server) {
		s.times.Placeholder, s.times.header, s.times.request = hour, 100*time.Millisecond, 100*time.Millisecond
	})
	r.camera("desk", frame.JPEG).picture()
	c := r.mjpeg("/cam/desk.mjpeg")
	for begin := time.Now(); time.Since(begin) < 200*time.Millisecond; {
		c.part()
	}
	c = r.send("GET / HTTP/1.1\r\nHost: hub\r\nX-Long: " + strings.Repeat("x", 64<<10) + "\r\n\r\n")
	if resp, err := http.ReadResponse(c.r, nil); err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		// a reset is as good
		t.Error(resp.Status)
	}
}
