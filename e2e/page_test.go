package e2e

import (
	"testing"

	"github.com/bramble-cam/bramble/hub"
)

// small is a camera that costs next to nothing.
func small(id string) string { return id + "=pattern:#size=320x180&fps=5" }

// TestKeyboard uses the page without a mouse: everything is reached, moved, opened, saved and left again.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, small("lab-1"), small("lab-2"), small("lab-3"), small("lab-4"), small("yard-1"), small("yard-2"))
	var result struct {
		Reached  int
		Snapshot int `json:"snapshot_bytes"`
		Single   struct {
			Reached  int
			Snapshot int `json:"snapshot_bytes"`
		}
	}
	runBrowser(t, &result, "keyboard.mjs", root)
	if result.Reached < 6+8 || result.Single.Reached < 20 { // the tiles and the bar; a page with its addresses
		t.Errorf("Tab reached %d controls of the grid and %d of a camera's page: not all of them were looked for", result.Reached, result.Single.Reached)
	}
	t.Logf("%+v", result)
}
