package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/shared/clockstrip"
	"github.com/bramble-cam/bramble/shared/testkit"
)

// TestEveryFormat asks for each kind of camera under each kind of URL, with real clients, and reads the clock in what they show.
func TestEveryFormat(t *testing.T) {
	need(t, "ffmpeg", "ffprobe")
	root, natsURL := startHub(t, hub.Config{DefaultCamera: "card"})
	// The second camera shows the first one's card as H.264: the clock in it is right, but for the time it takes to encode it.
	startAgent(t, natsURL, "card=pattern:#size=640x360&fps=15")
	waitCamera(t, root, "card")
	clip := "exec:ffmpeg -v error -probesize 32 -f mpjpeg -i " + root + "/cam/card.mjpeg -an -c:v libx264 -preset ultrafast -tune zerolatency -threads 1 -pix_fmt yuv420p -g 60 -f h264 -#format=h264"
	startAgent(t, natsURL, "film="+clip)
	waitCamera(t, root, "film")
	for _, cam := range []string{"card", "film"} {
		for _, test := range []struct {
			url    string
			width  int
			format []string // for ffmpeg
		}{
			{"/cam/%s.mjpeg", 640, []string{"-f", "mpjpeg"}},
			{"/cam/%s.mjpeg?width=320&fps=4", 320, []string{"-f", "mpjpeg"}},
			{"/cam/%s.mp4", 640, nil},
			{"/cam/%s.mp4?width=320", 320, nil},
			{"/cam/%s.h264", 640, []string{"-f", "h264"}},
			{"/cam/%s.h264?width=480&bitrate=1000000", 480, []string{"-f", "h264"}},
			{"/api/stream.mjpeg?src=%s", 640, []string{"-f", "mpjpeg"}},
			{"/api/stream.mp4?src=%s&mse=1", 640, nil},
		} {
			url := fmt.Sprintf(test.url, cam)
			t.Run(strings.Trim(strings.ReplaceAll(url, "/", "_"), "_"), func(t *testing.T) {
				args := append([]string{"-v", "error", "-nostdin", "-analyzeduration", "500000"}, test.format...)
				before := time.Now()
				out := output(t, playTime, "ffmpeg", append(args, "-i", root+url, "-frames:v", "5", "-fps_mode", "passthrough", "-c:v", "png", "-f", "image2pipe", "-")...)
				readClocks(t, out, 5, test.width, before)
			})
		}
		for _, url := range []string{"/cam/%s.jpeg?max_age=1s", "/cam/%s.jpeg?width=320&max_age=1s", "/cam/%s/?action=snapshot", "/api/frame.jpeg?src=%s&w=320"} {
			url := fmt.Sprintf(url, cam)
			t.Run(strings.Trim(strings.ReplaceAll(url, "/", "_"), "_"), func(t *testing.T) {
				resp, err := client(t).Get(root + url)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = resp.Body.Close() }() // read to its end
				picture, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("%s, %v, %.300s", resp.Status, err, picture)
				}
				img, _, err := image.Decode(bytes.NewReader(picture))
				if err != nil {
					t.Fatal(err)
				}
				at, err := clockstrip.Read(img)
				captured, parseErr := strconv.ParseFloat(resp.Header.Get("X-Timestamp"), 64)
				if err != nil || parseErr != nil {
					t.Fatalf("%v, %v", err, parseErr)
				}
				if cam == "card" && at.UnixMilli() != int64(captured*1000) {
					t.Errorf("the picture shows %v and is told to be of %v", at, captured)
				}
			})
		}
	}
	t.Run("renditions are told", func(t *testing.T) { renditionsTold(t, root) })
}

// readClocks checks that pictures are of this width and show a clock that goes on and is not older than the request, less the linger of what is cached.
func readClocks(t *testing.T, pngs []byte, count, width int, before time.Time) {
	t.Helper()
	var last time.Time
	r := bytes.NewReader(pngs)
	for n := range count {
		img, err := png.Decode(r)
		if err != nil {
			t.Fatalf("picture %d: %v", n, err)
		}
		at, err := clockstrip.Read(img)
		if err != nil || img.Bounds().Dx() != width {
			t.Fatalf("picture %d: %v, %v", n, img.Bounds(), err)
		}
		if at.Before(last) || at.Before(before.Add(-20*time.Second)) || at.After(time.Now().Add(time.Second)) {
			t.Errorf("picture %d shows %v after %v", n, at, last)
		}
		last = at
	}
}

func renditionsTold(t *testing.T, root string) {
	resp, err := client(t).Get(root + "/api/v1/cameras/film")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	var cam struct {
		Formats    []string
		Renditions []struct {
			Format string
			CPU    float64 `json:"cpu_seconds"`
			Frames int
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&cam); err != nil {
		t.Fatal(err)
	}
	if len(cam.Formats) != 4 || len(cam.Renditions) == 0 {
		t.Errorf("%+v", cam)
	}
}

// TestNoFFmpeg: without ffmpeg what the camera delivers is served, and the rest is told with the remedy.
func TestNoFFmpeg(t *testing.T) {
	root, natsURL := startHub(t, hub.Config{FFmpeg: filepath.Join(t.TempDir(), "none")})
	startAgent(t, natsURL, "card=pattern:#size=320x180&fps=15")
	waitCamera(t, root, "card")
	for url, want := range map[string]int{"/cam/card.jpeg": 200, "/cam/card.jpeg?width=160": 200, "/cam/card.mp4": 503, "/cam/card.h264?width=160": 503} {
		resp, err := client(t).Get(root + url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close() // read to its end
		if err != nil || resp.StatusCode != want || want == 503 && !bytes.Contains(body, []byte("apt-get install ffmpeg")) {
			t.Errorf("%s: %s, %v, %.200s", url, resp.Status, err, body)
		}
	}
	testkit.Eventually(t, "still ready", func() bool {
		resp, err := client(t).Get(root + "/readyz")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}
