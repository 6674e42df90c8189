package v4l2

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

const playTime = 60 * time.Second

// TestVM boots one virtual machine for all that follows, each with a hub and an agent of its own.
func TestVM(t *testing.T) {
	needVM(t)
	v := boot(t, binary("bramble-agent"))
	for _, test := range []struct {
		name string
		run  func(*testing.T, *vm)
	}{
		{"pass-through", testPassThrough},
		{"play", testPlay},
		{"replug", testReplug},
		{"freeze", testFreeze},
		{"idle", testIdle},
		{"busy", testBusy},
		{"configure", testConfigure},
		{"devices", testDevices},
		{"no configuration", testNoConfiguration},
	} {
		t.Run(test.name, func(t *testing.T) {
			began := time.Now()
			test.run(t, v)
			progress(t, "%s: %v", test.name, ms(time.Since(began)))
		})
	}
}

// testPassThrough: what comes compressed out of a camera arrives byte for byte.
func testPassThrough(t *testing.T, v *vm) {
	s := newFixture(t, v, "--camera", uvcMJPEG, "--camera", loopH264, "--camera", "uvc264=v4l2:"+byID+
		"#format=h264&fps=10")
	for _, c := range []struct {
		camera, clip string
		format       frame.Format
		n            int // frames: three seconds of each
	}{
		{"uvc", "mjpeg", frame.JPEG, 90},
		{"loop", "h264", frame.H264, 90},
		{"uvc264", "h264", frame.H264, 30},
	} {
		want := readClip(t, c.clip, c.format)
		next, stop := s.frames(c.camera, c.format)
		missing := want.follow(next, c.n)
		stop()
		st := s.info(c.camera)
		progress(t, "%s: %d frames of %d bytes are the camera's, %d lost on the way; %.1f fps, drops %v", c.camera, c.n,
			st.Bitrate/8/int64(max(1, st.FPS)), missing, st.FPS, st.Drops)
		if missing > c.n { // less than half has come: too slow even for an emulated machine
			t.Errorf("%s: %d of %d frames are missing", c.camera, missing, c.n)
		}
		if c.camera == "uvc" { // uvc264 is the same device
			idle := s.statuses(c.camera)
			idle.wait(status.Idle)
		}
	}
}

// testPlay plays every camera by programs that know nothing of Bramble.
func testPlay(t *testing.T, v *vm) {
	s := newFixture(t, v, "--camera", uvcMJPEG, "--camera", loopH264, "--camera", vividYUYV,
		"--camera", "bare=v4l2:"+byID+"#format=mjpeg&size=640x480&fps=15")
	for _, c := range []struct {
		path, size string
		frames     int
	}{
		{"/cam/uvc.mjpeg", "1280x720", 30},
		{"/cam/loop.h264", "1280x720", 60},
		{"/cam/loop.mp4", "1280x720", 60},
		{"/cam/vivid.mjpeg", "320x180", 20},
	} {
		camera, _, _ := strings.Cut(filepath.Base(c.path), ".")
		s.waitHub(camera)
		began := time.Now()
		s.decodes(c.path, c.size, c.frames)
		if ext := filepath.Ext(c.path); ext == ".mjpeg" {
			s.still("/cam/"+camera+".jpeg", c.size)
		}
		progress(t, "%s: %d pictures of %s decoded in %v", c.path, c.frames, c.size, ms(time.Since(began)))
	}
	idle := s.statuses("uvc") // bare is the same device
	idle.wait(status.Idle)
	s.waitHub("bare")
	s.still("/cam/bare.jpeg", "640x480")
	s.decodes("/cam/bare.mjpeg", "640x480", 15)
}

// decodes has ffmpeg decode a stream, which must be without a fault.
func (s *fixture) decodes(path, size string, frames int) {
	s.t.Helper()
	probe := []string{"-v", "error", "-analyzeduration", "1000000"} // of a raw stream ffmpeg otherwise reads 5 s
	out := output(s.t, "ffprobe", append(probe, "-show_entries", "stream=width,height", "-of", "json", s.root+path)...)
	var info struct {
		Streams []struct{ Width, Height int }
	}
	if err := json.Unmarshal(out, &info); err != nil || len(info.Streams) != 1 ||
		sizeText(info.Streams[0].Width, info.Streams[0].Height) != size {
		s.t.Errorf("%s: ffprobe says %s (%v), want %s", path, out, err, size)
	}
	sums := map[string]bool{}
	out = output(s.t, "ffmpeg", append(probe, "-xerror", "-i", s.root+path, "-map", "0:v", "-frames:v",
		strconv.Itoa(frames), "-fps_mode", "passthrough", "-f", "framemd5", "-")...)
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			fields := strings.Split(strings.TrimSpace(line), ",")
			sums[fields[len(fields)-1]] = true
		}
	}
	if len(sums) != frames {
		s.t.Errorf("%s: %d different pictures decoded, want %d", path, len(sums), frames)
	}
}

// still gets one picture and decodes it.
func (s *fixture) still(path, size string) {
	s.t.Helper()
	resp, err := client(s.t).Get(s.root + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	picture, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s, %v: %.200s", path, resp.Status, err, picture)
	}
	decodable(s.t, path, picture, size)
}

func sizeText(w, h int) string { return fmt.Sprintf("%dx%d", w, h) }

// decodable checks a JPEG by its markers, and by decoding it.
func decodable(t *testing.T, name string, picture []byte, size string) {
	t.Helper()
	w, h, err := jpeg.Check(picture)
	if err != nil || sizeText(w, h) != size {
		t.Errorf("%s: %dx%d, %v; want %s", name, w, h, err, size)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-xerror", "-f", "mjpeg", "-i", "-", "-f", "null",
		"-")
	cmd.Stdin = bytes.NewReader(picture)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", name, err, out)
	}
}

// output runs a program and returns its standard output.
func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), playTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return out
}
