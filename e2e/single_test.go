package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub"
)

// TestCameraPage uses the page of a camera: both formats, a snapshot, a clip that ffprobe takes for one of five seconds, and a Pi camera (its rpicam-vid is the
// stand-in) that is told to run faster.
func TestCameraPage(t *testing.T) {
	t.Parallel()
	need(t, "ffmpeg", "ffprobe")
	root, natsURL := startHub(t, hub.Config{})
	agent := start(t, "env", "PATH="+filepath.Dir(binary("rpicam-vid"))+string(filepath.ListSeparator)+os.Getenv("PATH"),
		binary("bramble-agent"), "--hub", natsURL,
		"--camera", "yard=file:../hub/cmd/bramble-hub/clips/garden.h264#fps=10", "--camera", "pi=rpicam:0#codec=mjpeg&size=320x240&fps=8")
	agent.waitSaid("msg=serving")
	waitCamera(t, root, "pi")
	clip := filepath.Join(t.TempDir(), "clip.mp4")
	var result struct {
		Kinds    []string
		Snapshot int `json:"snapshot_bytes"`
		Clip     string
	}
	runBrowser(t, &result, "single.mjs", root, "--camera", "yard", "--adjustable", "pi", "--clip", clip)
	probed := strings.Fields(string(output(t, playTime, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name:format=duration", "-of", "csv=p=0", clip)))
	if len(probed) != 2 || probed[0] != "h264" {
		t.Fatalf("ffprobe says %q of the clip", probed)
	}
	if seconds, err := strconv.ParseFloat(probed[1], 64); err != nil || seconds < 4.5 || seconds > 6 {
		t.Errorf("the clip of 5 s is one of %s s", probed[1])
	}
	t.Logf("%+v, %v", result, probed)
}
