package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
)

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
	if !slices.Equal(cam.Formats, []string{"jpeg", "mjpeg", "h264", "mp4", "ts"}) || len(cam.Renditions) == 0 {
		t.Errorf("%+v", cam)
	}
}

// TestNoFFmpeg: without ffmpeg what the camera delivers is served, and the rest is told with the remedy.
func TestNoFFmpeg(t *testing.T) {
	t.Parallel()
	root, natsURL := startHub(t, hub.Config{FFmpeg: filepath.Join(t.TempDir(), "none")})
	startAgent(t, natsURL, "card=pattern:#size=320x180&fps=15")
	waitCamera(t, root, "card")
	for url, want := range map[string]int{"/cam/card.jpeg": 200, "/cam/card.jpeg?width=160": 200, "/cam/card.mp4": 503,
		"/cam/card.h264?width=160": 503} {
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
	testutil.Eventually(t, "still ready", func() bool {
		resp, err := client(t).Get(root + "/readyz")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}
