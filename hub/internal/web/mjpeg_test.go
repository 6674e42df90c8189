package web

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/mpjpeg"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// unixSeconds formats an instant as X-Timestamp does.
func unixSeconds(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }

// shown is one part of an MJPEG response.
type shown struct {
	picture   []byte
	timestamp string
}

// readPart reads a part up to and including the boundary that ends it, and not a byte more.
func readPart(t testing.TB, r *bufio.Reader) shown {
	t.Helper()
	header, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil {
		t.Fatalf("part's header: %v", err)
	}
	size, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil || header.Get("Content-Type") != "image/jpeg" {
		t.Fatalf("part's header: %v", header)
	}
	body := make([]byte, size+len(mpjpeg.Tail))
	if _, err := io.ReadFull(r, body); err != nil {
		t.Fatalf("part of %d bytes: %v", size, err)
	}
	if !bytes.Equal(body[size:], mpjpeg.Tail) {
		t.Fatalf("behind the picture comes %q", body[size:])
	}
	return shown{body[:size], header.Get("X-Timestamp")}
}

// mjpeg opens an MJPEG response and reads the boundary before the first part.
func (r *fixture) mjpeg(path string) *conn {
	r.t.Helper()
	c := r.open(path)
	c.preamble()
	return c
}

func (c *conn) preamble() {
	c.t.Helper()
	if got := c.resp.Header.Get("Content-Type"); got != mpjpeg.ContentType {
		c.t.Fatalf("Content-Type %q", got)
	}
	start := make([]byte, len(mpjpeg.Preamble))
	if _, err := io.ReadFull(c.r, start); err != nil || !bytes.Equal(start, mpjpeg.Preamble) {
		c.t.Fatalf("the response begins with %q, %v", start, err)
	}
}

func (c *conn) part() shown {
	c.t.Helper()
	return readPart(c.t, c.r)
}

// partOf reads parts until one was captured at n; those before must be older pictures.
func (c *conn) partOf(n uint64) shown {
	c.t.Helper()
	for {
		p := c.part()
		if p.timestamp == unixSeconds(captured(n)) {
			return p
		}
		if p.timestamp > unixSeconds(captured(n)) {
			c.t.Fatalf("a picture of %s came, and none of %s", p.timestamp, unixSeconds(captured(n)))
		}
	}
}

// TestMJPEGAtOnce: a viewer gets the newest picture at once, with the boundary that ends it.
func TestMJPEGAtOnce(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.times.Idle = hour })
	desk := r.camera("desk", frame.JPEG)
	desk.picture()
	want := desk.picture()
	viewer := r.mjpeg("/cam/desk.mjpeg")
	for range 3 {
		if got := viewer.part(); !bytes.Equal(got.picture, want) || got.timestamp != unixSeconds(captured(desk.seq)) {
			t.Errorf("got %q of %s, want %q of %s", got.picture, got.timestamp, want, unixSeconds(captured(desk.seq)))
		}
		if n := viewer.r.Buffered(); n > 0 {
			t.Errorf("%d more bytes came", n)
		}
		want = desk.picture()
	}
}

// TestMJPEGHead: the response is HTTP/1.1, ends with its connection, and has the headers of every answer.
func TestMJPEGHead(t *testing.T) {
	r := newFixture(t, stream.Config{})
	r.camera("desk", frame.JPEG)
	c := r.open("/cam/desk.mjpeg")
	h := c.resp.Header
	if c.resp.Proto != "HTTP/1.1" || c.resp.ContentLength != -1 || c.resp.TransferEncoding != nil || !c.resp.Close {
		t.Errorf("%s, Content-Length %d, Transfer-Encoding %v, close %v", c.resp.Proto, c.resp.ContentLength,
			c.resp.TransferEncoding, c.resp.Close)
	}
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Accel-Buffering") != "no" {
		t.Errorf("headers %v", h)
	}
	if _, err := http.ParseTime(h.Get("Date")); err != nil {
		t.Error(err)
	}
	checkSecurity(t, h)
}

// TestMJPEGRepeats: without a new picture the last one is repeated, and the connection outlives the write timeout.
func TestMJPEGRepeats(t *testing.T) {
	r := newFixture(t, stream.Config{}, fast, func(s *Server) {
		s.times.Placeholder = hour
		s.cfg.WriteTimeout = 100 * time.Millisecond
	})
	desk := r.camera("desk", frame.JPEG)
	want := desk.picture()
	viewer := r.mjpeg("/cam/desk.mjpeg")
	for begin := time.Now(); time.Since(begin) < 150*time.Millisecond; { // the time of a write is no limit for reading
		if got := viewer.part(); !bytes.Equal(got.picture, want) || got.timestamp != unixSeconds(captured(1)) {
			t.Fatalf("got %q of %s", got.picture, got.timestamp)
		}
	}
	want = desk.picture()
	if got := viewer.partOf(2); !bytes.Equal(got.picture, want) {
		t.Errorf("got %q", got.picture)
	}
}

// TestMJPEGPlaceholder: a placeholder of the same size replaces a camera that goes away. The camera returns on the
// same connection.
func TestMJPEGPlaceholder(t *testing.T) {
	r := newFixture(t, stream.Config{}, fast)
	desk := r.camera("desk", frame.JPEG)
	picture := desk.picture()
	viewer := r.mjpeg("/cam/desk.mjpeg")
	desk.say(status.Stopped, "")
	got := viewer.part()
	if !bytes.Equal(got.picture, picture) {
		t.Fatalf("first came %q", got.picture)
	}
	for bytes.Equal(got.picture, picture) {
		got = viewer.part()
	}
	if width, height, err := jpeg.Check(got.picture); err != nil || width != 320 || height != 240 {
		t.Errorf("the placeholder is %dx%d, %v", width, height, err)
	}
	desk.say(status.Live, "")
	desk.epoch, desk.seq = 2, 100
	want := desk.picture()
	for range 1000 { // those under way
		if got = viewer.part(); bytes.Equal(got.picture, want) {
			break
		}
	}
	if !bytes.Equal(got.picture, want) {
		t.Error("the camera's picture does not return")
	}
}

// TestMJPEGOffline: a viewer of an offline camera gets the placeholder at once.
func TestMJPEGOffline(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.times.Idle, s.times.Placeholder = hour, hour })
	desk := r.camera("desk", frame.JPEG)
	desk.say(status.Stopped, "")
	viewer := r.mjpeg("/cam/desk.mjpeg")
	if width, height, err := jpeg.Check(viewer.part().picture); err != nil || width != 320 || height != 240 {
		t.Errorf("the placeholder is %dx%d, %v", width, height, err)
	}
	want := desk.picture()
	if got := viewer.part(); !bytes.Equal(got.picture, want) {
		t.Errorf("then came %q", got.picture)
	}
}

// TestMJPEGLeaves: the hub notices that a viewer leaves while nothing is sent.
func TestMJPEGLeaves(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.times.Idle, s.times.Placeholder = moment, hour })
	desk := r.camera("desk", frame.JPEG)
	for _, leave := range []func(*conn) error{
		func(c *conn) error { return c.Close() },
		func(c *conn) error { // with unread data
			if _, err := c.Write([]byte(strings.Repeat("bye ", 1000))); err != nil {
				return err
			}
			return c.Close()
		},
	} {
		viewer := r.mjpeg("/cam/desk.mjpeg") // no picture comes
		desk.viewers(1)
		if err := leave(viewer); err != nil {
			t.Fatal(err)
		}
		desk.viewers(0)
	}
}
