package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// small is a camera that costs next to nothing.
func small(id string) string { return id + "=pattern:#size=320x180&fps=5" }

// TestKeyboard uses the page without a mouse: everything is reached, moved, opened, saved and left again.
func TestKeyboard(t *testing.T) {
	testutil.System(t, "plays through the keyboard in Chromium")
	t.Parallel()
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, small("lab-1"), small("lab-2"), small("lab-3"), small("lab-4"), small("yard-1"),
		small("yard-2"))
	var result struct {
		Reached    int
		Snapshot   int `json:"snapshot_bytes"`
		CameraPage struct {
			Reached  int
			Snapshot int `json:"snapshot_bytes"`
		} `json:"camera_page"`
	}
	runBrowser(t, &result, "keyboard.mjs", root)
	if result.Reached < 6+8 || result.CameraPage.Reached < 20 { // the tiles and the bar; a page with its addresses
		t.Errorf("Tab reached %d controls of the grid and %d of a camera's page: not all of them were looked for",
			result.Reached, result.CameraPage.Reached)
	}
	t.Logf("%+v", result)
}

// TestAccessible lets axe-core look at every kind of page, on a desktop and a phone, dark and light: cameras of both
// formats, one that is gone, one that is not well, one that does not exist, a view and a hub without any.
func TestAccessible(t *testing.T) {
	testutil.System(t, "looks at each page in Chromium")
	t.Parallel()
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, small("porch"), "yard=file:../hub/cmd/bramble-hub/clips/garden.h264#fps=10",
		"attic=exec:exit 3#format=mjpeg")
	gone := startAgent(t, natsURL, small("gone"))
	waitCamera(t, root, "gone")
	gone.kill()
	waitState(t, root, "gone", "offline")
	empty, _ := startHub(t, hub.Config{})
	var result struct {
		Pages, Passes int
		States        []string
	}
	runBrowser(t, &result, "a11y.mjs", root+"/", root+"/?q=nothing", root+"/cam/yard", root+"/cam/attic", root+"/cam/gone",
		root+"/cam/missing", root+"/cam/porch?embed", empty+"/")
	if !slices.Equal(result.States, []string{"degraded", "live", "offline"}) {
		t.Errorf("tiles were %v when they were looked at", result.States)
	}
	t.Logf("%+v", result)
}

// waitState waits until the hub says so of the camera.
func waitState(t *testing.T, root, id, state string) {
	t.Helper()
	c := client(t)
	testutil.Eventually(t, id+" is "+state, func() bool {
		resp, err := c.Get(root + "/api/v1/cameras/" + id)
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }() // all of it has been read
		var camera struct{ State string }
		body, err := io.ReadAll(resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK && json.Unmarshal(body, &camera) == nil && camera.State == state
	})
}
