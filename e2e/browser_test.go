package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// runBrowser runs one of the scripts in browser/ with a real Chromium and decodes the line of JSON that it prints.
func runBrowser(t *testing.T, result any, script string, args ...string) {
	t.Helper()
	need(t, "node")
	if !hasBrowser() {
		t.Skip("no chromium, chromium-browser or google-chrome is installed: make test installs one where it can")
	}
	if !exists("browser/node_modules/playwright-core") {
		t.Skip("playwright-core is not installed: make test installs it where it can (npm ci in e2e/browser)")
	}
	out := output(t, 3*playTime, "node", append([]string{filepath.Join("browser", script)}, args...)...)
	if err := json.Unmarshal(out, result); err != nil {
		t.Fatalf("%s printed %s: %v", script, out, err)
	}
}

func hasBrowser() bool {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
	}
	return false
}

// TestVideo plays an MP4 of an endless stream in Chromium's <video> for half a minute.
func TestVideo(t *testing.T) {
	testutil.System(t, "plays for half a minute")
	t.Parallel()
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, "clip=file:../hub/cmd/bramble-hub/clips/workshop.h264#fps=25")
	waitCamera(t, root, "clip")
	var result struct {
		Played float64                       `json:"played_s"`
		Lag    struct{ Median, Max float64 } `json:"lag_s"`
		Frames int
	}
	runBrowser(t, &result, "playback.mjs", root+"/cam/clip.mp4", "--seconds", "30")
	if result.Played < 25 || result.Frames < 25*20 { // 30 s less the start and what a busy machine loses
		t.Errorf("played %+v", result)
	}
	t.Logf("%+v", result)
}

// TestPage opens the demo's page in Chromium: four cameras of both formats, whose pictures move.
func TestPage(t *testing.T) {
	t.Parallel()
	demo := start(t, binary("bramble-hub"), "demo", "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0", "--log-format",
		"json")
	root := demo.page()
	var result struct {
		Cameras []struct{ ID, State, Kind string }
	}
	runBrowser(t, &result, "grid.mjs", root, "--cameras", "4")
	kinds := map[string]int{}
	for _, c := range result.Cameras {
		kinds[c.Kind]++
		if c.State != "live" {
			t.Errorf("%s is %s", c.ID, c.State)
		}
	}
	if kinds["video"] != 2 || kinds["canvas"] != 2 {
		t.Errorf("tiles are %v, want two videos and two pictures", kinds)
	}
}
