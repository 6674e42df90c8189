package e2e

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestCameraPage uses the page of a camera: both formats, a snapshot, and a clip that ffprobe takes for one of five
// seconds.
func TestCameraPage(t *testing.T) {
	testutil.System(t, "plays through a camera page in Chromium")
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
	runBrowser(t, &result, "camera-page.mjs", root, "--camera", "yard", "--clip", clip)
	var probed struct {
		Streams []struct {
			Codec string `json:"codec_name"`
		}
		Format struct {
			Start    float64 `json:"start_time,string"`
			Duration float64 `json:",string"`
		}
	}
	said := output(t, playTime, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name:format=start_time,duration",
		"-of", "json", clip)
	if err := json.Unmarshal(said, &probed); err != nil || len(probed.Streams) != 1 || probed.Streams[0].Codec != "h264" {
		t.Fatalf("ffprobe says %s of the clip: %v", said, err)
	}
	// What leads the decoder from the last key frame to the first picture lies before time 0.
	if seconds := probed.Format.Duration + min(probed.Format.Start, 0); seconds < 4.5 || seconds > 5.5 {
		t.Errorf("the clip of 5 s shows %v s: %+v", seconds, probed.Format)
	}
	t.Logf("%+v, %+v", result, probed)
}
