package web

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// expect reads as many bytes as want has, and compares.
func (c *conn) expect(what string, want []byte) {
	c.t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c.r, got); err != nil {
		c.t.Fatalf("%s: %d of %d bytes, %v", what, n, len(want), err)
	}
	if !bytes.Equal(got, want) {
		c.t.Fatalf("%s: not the bytes of the camera", what)
	}
}

// ends reads the rest of the response, which must end cleanly.
func (c *conn) ends() (rest []byte) {
	c.t.Helper()
	rest, err := io.ReadAll(c.r)
	if err != nil {
		c.t.Fatalf("the response does not end well: %v", err)
	}
	return rest
}

// TestH264Joins: a viewer gets the newest key frame at once.
func TestH264Joins(t *testing.T) {
	r := newFixture(t, stream.Config{})
	yard, list := r.camera("yard", frame.H264), units(t, "slices.h264")
	for _, u := range list[:8+3] { // a GOP, and a part of the next
		yard.access(u)
	}
	first, second := r.open("/cam/yard.h264"), r.open("/cam/yard.h264")
	for _, c := range []*conn{first, second} {
		if got := c.resp.Header.Get("Content-Type"); got != "video/h264" {
			t.Errorf("Content-Type %q", got)
		}
		for i := range 3 {
			c.expect("the GOP so far", list[8+i].data)
		}
	}
	for _, u := range list[8+3:] {
		yard.access(u)
		first.expect("a new access unit", u.data)
		second.expect("a new access unit", u.data)
	}
}

// TestH264Outage: after an outage the response continues with the next key frame, on a new time base.
func TestH264Outage(t *testing.T) {
	r := newFixture(t, stream.Config{}, fast)
	yard, list := r.camera("yard", frame.H264), units(t, "slices.h264")
	clock := r.camera("clock", frame.JPEG)
	clock.picture()
	yard.access(list[0])
	yard.access(list[1])
	viewer := r.open("/cam/yard.h264")
	viewer.expect("the first key frame", list[0].data)
	viewer.expect("the second frame", list[1].data)
	yard.say(status.Stopped, "")
	for c, i := r.mjpeg("/cam/clock.mjpeg"), 0; i < 10; i++ { // several times the time after which a viewer is looked at
		c.part()
	}
	yard.say(status.Live, "")
	yard.epoch, yard.seq = 2, 0
	for _, u := range list[8:11] {
		yard.access(u)
		viewer.expect("a frame after the outage", u.data)
	}
	yard.viewers(1)
}

// TestH264NewParams changes the parameter sets. The response ends cleanly before the key frame that has them, and a
// new request begins with them.
func TestH264NewParams(t *testing.T) {
	for _, path := range []string{"/cam/yard.h264", "/cam/yard.mp4"} {
		t.Run(path, func(t *testing.T) {
			r := newFixture(t, stream.Config{})
			yard, list := r.camera("yard", frame.H264), units(t, "change.h264")
			old := list[9].params
			for _, u := range list[:10] {
				if u.params != old {
					t.Fatal("the fixture has changed")
				}
				yard.access(u)
			}
			viewer := r.open(path)
			yard.viewers(1)
			for _, u := range list[10:13] {
				yard.access(u)
			}
			got := viewer.ends()
			if path == "/cam/yard.h264" &&
				!bytes.Equal(got, bytes.Join([][]byte{list[5].data, list[6].data, list[7].data, list[8].data, list[9].data}, nil)) {
				t.Errorf("%d bytes came, not the old GOP", len(got))
			}
			yard.viewers(0)
			again := r.open(path)
			if path == "/cam/yard.h264" {
				again.expect("the new key frame", list[10].data)
			} else {
				again.movie().init(list[10].params)
			}
		})
	}
}

// TestH264Leaves: the hub notices that a viewer leaves while nothing is sent.
func TestH264Leaves(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.times.Idle = moment })
	yard, list := r.camera("yard", frame.H264), units(t, "slices.h264")
	yard.access(list[0])
	for _, path := range []string{"/cam/yard.h264", "/cam/yard.mp4"} {
		viewer := r.open(path)
		yard.viewers(1)
		if err := viewer.Close(); err != nil {
			t.Fatal(err)
		}
		yard.viewers(0)
	}
}

// TestFormatChanges changes the format of a camera. Responses in the old format end, and new ones are refused.
func TestFormatChanges(t *testing.T) {
	r := newFixture(t, stream.Config{})
	yard := r.camera("yard", frame.H264)
	yard.access(units(t, "slices.h264")[0])
	viewers := []*conn{r.open("/cam/yard.h264"), r.open("/cam/yard.mp4")}
	waiting := r.send("GET /cam/dark.jpeg HTTP/1.1\r\nHost: hub\r\n\r\n")
	waiting.head()
	if waiting.resp.StatusCode != 404 {
		t.Errorf("%s", waiting.resp.Status)
	}
	dark := r.camera("dark", frame.JPEG)
	waiting = r.send("GET /cam/dark.jpeg HTTP/1.1\r\nHost: hub\r\n\r\n")
	dark.viewers(1)
	yard.format, dark.format = frame.JPEG, frame.H264
	yard.say(status.Live, "")
	dark.say(status.Live, "")
	for _, c := range viewers {
		c.ends()
	}
	waiting.head()
	body, err := io.ReadAll(waiting.resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	checkProblem(t, waiting.resp, body, problem.Problem{Title: "Camera has changed", Status: 503, RetryAfter: 1},
		[]string{"it now delivers h264"})
	resp, body := r.do("GET", "/cam/yard.h264")
	checkProblem(t, resp, body, noFFmpeg(), nil)
}

// TestSubscribeFails: an error of the registry is logged, and the answer does not contain it.
func TestSubscribeFails(t *testing.T) {
	r := newFixture(t, stream.Config{})
	h := r.testServer
	h.reg.OnStatus((&camera{id: "yard", format: frame.H264}).status(status.Live, ""))
	h.agents.feedErr = errors.New("secret")
	resp, body := r.do("GET", "/cam/yard.mp4")
	checkProblem(t, resp, body, problem.Problem{Title: "Internal error", Status: 500}, nil)
	if bytes.Contains(body, []byte("secret")) {
		t.Errorf("%s", body)
	}
}
