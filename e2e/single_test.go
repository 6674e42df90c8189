package e2e

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub"
)

// TestCameraPage uses the page of a camera: both formats, a snapshot, and a clip that ffprobe takes for one of five seconds.
func TestCameraPage(t *testing.T) {
	t.Parallel()
	need(t, "ffmpeg", "ffprobe")
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, "yard=file:../hub/cmd/bramble-hub/clips/garden.h264#fps=10")
	waitCamera(t, root, "yard")
	clip := filepath.Join(t.TempDir(), "clip.mp4")
	var result struct {
		Kinds    []string
		Snapshot int `json:"snapshot_bytes"`
		Clip     string
	}
	runBrowser(t, &result, "single.mjs", root, "--camera", "yard", "--clip", clip)
	probed := strings.Fields(string(output(t, playTime, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name:format=duration", "-of", "csv=p=0", clip)))
	if len(probed) != 2 || probed[0] != "h264" {
		t.Fatalf("ffprobe says %q of the clip", probed)
	}
	if seconds, err := strconv.ParseFloat(probed[1], 64); err != nil || seconds < 4.5 || seconds > 6 {
		t.Errorf("the clip of 5 s is one of %s s", probed[1])
	}
	t.Logf("%+v, %v", result, probed)
}
