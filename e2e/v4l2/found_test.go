package v4l2

import (
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// testConfigure: a setting reaches the camera while it runs, and again when it is opened again.
func testConfigure(t *testing.T, v *vm) {
	s := newFixture(t, v, "--camera", uvcMJPEG)
	brightness := func() string { return v.sh(t, "v4l2-ctl -d %s -C brightness", byID) }
	v.sh(t, "v4l2-ctl -d %s -c brightness=0", byID)
	s.info("uvc")
	statuses := s.statuses("uvc")
	next, stop := s.frames("uvc", frame.JPEG)
	next()
	statuses.wait(status.Live) // else the idle of the agent's start is taken for the one below
	s.do("uvc", "configure", `{"controls":{"brightness":-17}}`)
	if got := brightness(); got != "brightness: -17" {
		t.Errorf("v4l2-ctl says %q", got)
	}
	if c := control(s.info("uvc"), "brightness"); c.Value != -17 || c.Min != -64 || c.Max != 64 {
		t.Errorf("do.info says %+v", c)
	}
	if msg, err := s.nc.Request("cam.uvc.do.configure", []byte(`{"controls":{"brightness":65}}`),
		testutil.Timeout); err != nil || !strings.Contains(msg.Header.Get("Nats-Service-Error"), "-64") {
		t.Errorf("out of range: %v, %v", msg.Header, err)
	}
	stop()
	statuses.wait(status.Idle)
	v.sh(t, "v4l2-ctl -d %s -c brightness=5", byID) // as another program or a forgetful camera would
	next, _ = s.frames("uvc", frame.JPEG)
	next()
	if got := brightness(); got != "brightness: -17" {
		t.Errorf("opened again: v4l2-ctl says %q", got)
	}
}

func control(st status.Status, name string) status.Control {
	for _, c := range st.Controls {
		if c.Name == name {
			return c
		}
	}
	return status.Control{}
}

// testDevices: the agent lists the cameras, and its own configuration serves them.
func testDevices(t *testing.T, v *vm) {
	said := v.sh(t, "./bramble-agent devices --verbose")
	t.Log(said)
	for _, name := range []string{"uvc", "vivid", "mjpeg", "h264"} {
		if node := v.node(t, name); !strings.Contains(said, node) {
			t.Errorf("%s (%s) is not listed", name, node)
		}
	}
	for _, want := range []string{byID, "MJPG", "YUYV", "1280x720"} {
		if !strings.Contains(said, want) {
			t.Errorf("%s is not told", want)
		}
	}
	v.sh(t, "./bramble-agent devices >found.yaml")
	s := newFixture(t, v, "--config", "found.yaml")
	cameras := s.cameras(4)
	for _, st := range cameras {
		next, stop := s.frames(st.Camera, st.Format)
		f := next()
		stop()
		progress(t, "%s: a frame of %d bytes with the printed configuration", st.Camera, len(f.Payload))
	}
}

// cameras waits until that many are served, and returns what they are.
func (s *fixture) cameras(n int) map[string]status.Status {
	s.t.Helper()
	all := s.statuses("*")
	found := map[string]status.Status{}
	for len(found) < n {
		st, err := status.Decode(testutil.Receive(s.t, "the status of every camera", all.got).Data)
		if err != nil {
			s.t.Fatal(err)
		}
		found[st.Camera] = st
	}
	return found
}

// testNoConfiguration: an agent that is told nothing but the hub serves what it finds.
func testNoConfiguration(t *testing.T, v *vm) {
	s := newFixture(t, v)
	for _, st := range s.cameras(4) {
		next, stop := s.frames(st.Camera, st.Format)
		f := next()
		stop()
		progress(t, "%s (%s): a frame of %d bytes without a configuration", st.Camera, st.Source, len(f.Payload))
	}
}
