package v4l2

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// viewer reads an MJPEG stream.
type viewer struct {
	captured chan time.Time // of each part: when its picture was captured
	ended    chan struct{}  // closed when the connection has ended
}

func watch(r *bufio.Reader) *viewer {
	w := &viewer{make(chan time.Time, 10_000), make(chan struct{})}
	go func() {
		defer close(w.ended)
		for parts := multipart.NewReader(r, "bramble-part"); ; {
			part, err := parts.NextPart()
			if err == nil {
				_, err = io.Copy(io.Discard, part)
			}
			if err != nil {
				return
			}
			seconds, err := strconv.ParseFloat(part.Header.Get("X-Timestamp"), 64)
			if err != nil {
				return
			}
			select {
			case w.captured <- time.UnixMicro(int64(seconds * 1e6)):
			default: // the test has stopped reading
			}
		}
	}()
	return w
}

// testReplug: a webcam is unplugged and comes back as another node, while a second camera goes on and a viewer stays.
func testReplug(t *testing.T, v *vm) {
	v.sh(t, "unplug h264; plug h264 10") // slow enough for v4l2loopback to lose nothing by itself
	t.Cleanup(func() { v.sh(t, "unplug h264; plug h264") })
	s := newFixture(t, v, "--camera", uvcMJPEG, "--camera", loopH264)
	s.waitHub("uvc")
	statuses := s.statuses("uvc")
	viewer := watch(s.open("/cam/uvc.mjpeg"))
	testutil.Receive(t, "a part for the viewer", viewer.captured)
	next, _ := s.frames("uvc", frame.JPEG)
	first := next()
	other, stop := s.frames("loop", frame.H264)
	begin := other()
	lostBefore := s.info("loop").Drops

	node := v.node(t, "uvc")
	holder := v.sh(t, "sleep 1000 7<%s & echo $!", node) // its number stays taken
	began := time.Now()
	v.sh(t, "unplug uvc")
	gone := statuses.wait(status.Degraded)
	progress(t, "unplugged: degraded after %v: %s", ms(time.Since(began)), gone.Reason)
	if !strings.Contains(gone.Reason, byID) {
		t.Errorf("the reason does not name the camera: %s", gone.Reason)
	}
	began = time.Now()
	v.sh(t, "plug uvc")
	there := time.Now()
	if now := v.node(t, "uvc"); now == node {
		t.Errorf("the camera is %s again", now)
	}
	back := next()
	for back.Epoch == first.Epoch {
		back = next()
	}
	progress(t, "plugged in, %s now: the kernel had it after %v, the first frame came %v later", v.node(t, "uvc"),
		ms(there.Sub(began)), ms(time.Since(there)))
	statuses.wait(status.Live)
	v.sh(t, "kill %s", holder)

	for testutil.Receive(t, "a new picture for the viewer", viewer.captured).
		Before(back.CaptureTime.Truncate(time.Millisecond)) {
	}
	select {
	case <-viewer.ended:
		t.Error("the viewer has lost its connection")
	default:
	}
	sent := s.complete(other, begin, back.CaptureTime)
	stop()
	if lost := s.info("loop").Drops; !maps.Equal(lost, lostBefore) {
		t.Errorf("the other camera has lost frames: %v, and %v before", lost, lostBefore)
	}
	progress(t, "the other camera has sent %d frames meanwhile, all there are", sent)
}

// complete checks that no frame of the clip is missing from the one given up to one that was captured at the time
// given, and counts them.
func (s *fixture) complete(next func() frame.Frame, f frame.Frame, until time.Time) (n int) {
	s.t.Helper()
	clip := readClip(s.t, "h264", frame.H264)
	for n = 1; f.CaptureTime.Before(until); n++ {
		after := next()
		if after.Epoch != f.Epoch || after.Seq != f.Seq+1 || clip.gap(f, after) != 0 {
			s.t.Errorf("frame %d of epoch %d comes after frame %d of epoch %d, and %d of the clip are missing", after.Seq,
				after.Epoch, f.Seq, f.Epoch, clip.gap(f, after))
		}
		f = after
	}
	return n
}

// testFreeze: a camera that is there but sends nothing is named, and is live when it sends again.
func testFreeze(t *testing.T, v *vm) {
	s := newFixture(t, v, "--camera", uvcMJPEG)
	statuses := s.statuses("uvc")
	next, _ := s.frames("uvc", frame.JPEG)
	next()
	statuses.wait(status.Live)
	v.sh(t, "freeze uvc")
	began := time.Now()
	st := statuses.wait(status.Degraded)
	progress(t, "frozen: degraded after %v: %s", ms(time.Since(began)), st.Reason)
	if !strings.Contains(st.Reason, "no frame") {
		t.Errorf("the reason is %q", st.Reason)
	}
	v.sh(t, "thaw uvc")
	began = time.Now()
	statuses.wait(status.Live)
	progress(t, "thawed: live after %v", ms(time.Since(began)))
	next()
}

// testIdle: a camera without viewers is closed, and opened for a picture.
func testIdle(t *testing.T, v *vm) {
	s := newFixture(t, v, "--camera", uvcMJPEG, "--camera", loopH264, "--camera", vividYUYV)
	for _, camera := range []string{"uvc", "loop", "vivid"} {
		s.info(camera)
	}
	for _, device := range []string{"uvc", "h264", "vivid"} {
		if who := v.openers(t, device); strings.Contains(who, "bramble-agent") {
			t.Errorf("%s is open without interest: %s", device, who)
		}
	}
	statuses := s.statuses("uvc")
	next, stop := s.frames("uvc", frame.JPEG)
	next()
	statuses.wait(status.Live) // else the idle of the agent's start is taken for the one below
	if who := v.openers(t, "uvc"); !strings.Contains(who, "bramble-agent") {
		t.Errorf("live, but open is: %s", who)
	}
	stop()
	statuses.wait(status.Idle)
	if who := v.openers(t, "uvc"); who != "" {
		t.Errorf("idle, but open is: %s", who)
	}
	for _, camera := range []string{"uvc", "vivid", "loop"} {
		began := time.Now()
		msg := s.do(camera, "snapshot", "")
		progress(t, "%s: a cold snapshot of %d bytes took %v", camera, len(msg.Data), ms(time.Since(began)))
		switch camera {
		case "uvc":
			decodable(t, "the snapshot", msg.Data, "1280x720")
		case "vivid":
			decodable(t, "the snapshot", msg.Data, "320x180")
		case "loop":
			if msg.Header.Get(frame.HeaderKey) != "1" {
				t.Error("the snapshot is no key frame")
			}
		}
	}
}

// testBusy: a camera that another program has is named, and used when it is free.
func testBusy(t *testing.T, v *vm) {
	v.sh(t,
		"v4l2-ctl -d %s --set-fmt-video=width=640,height=480,pixelformat=MJPG --stream-mmap "+
			">/run/other.log 2>&1 & echo $! >/run/other", byID)
	t.Cleanup(func() {
		if _, err := v.try("kill $(cat /run/other) 2>/dev/null"); err != nil && !errors.Is(err, errExit) {
			// it was ended by the test
			t.Error(err)
		}
	})
	testutil.Eventually(t, "the other program streams", func() bool { return v.sh(t, "cat /run/other.log") != "" })
	s := newFixture(t, v, "--camera", uvcMJPEG)
	statuses := s.statuses("uvc")
	next, _ := s.frames("uvc", frame.JPEG)
	st := statuses.wait(status.Degraded)
	progress(t, "in use: %s", st.Reason)
	for _, word := range []string{"in use by another program", byID} {
		if !strings.Contains(st.Reason, word) {
			t.Errorf("the reason %q lacks %q", st.Reason, word)
		}
	}
	v.sh(t, "kill $(cat /run/other); wait $(cat /run/other); true")
	began := time.Now()
	next()
	statuses.wait(status.Live)
	progress(t, "free again: live after %v", ms(time.Since(began)))
}
