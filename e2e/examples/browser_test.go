package examples

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub"
)

// TestBrowser shows the page of the example, with the client library from npm, in a real browser: pictures that move,
// by NATS over WebSocket.
func TestBrowser(t *testing.T) {
	t.Parallel()
	need(t, "node")
	browser := filepath.Join("..", "browser")
	if _, err := os.Stat(filepath.Join(browser, "node_modules", "@nats-io", "nats-core")); err != nil {
		t.Skip("@nats-io/nats-core is not installed: make test installs it where it can (npm ci in e2e/browser)")
	}
	if !hasBrowser() {
		t.Skip("no chromium, chromium-browser or google-chrome is installed: make test installs one where it can")
	}
	page := freeAddress(t)
	d := startHubWith(t, hub.Config{}, `"http://127.0.0.1`+`:8000"`, `"http://`+page+`"`)
	serve(t, d.nats, "porch=pattern:#size=160x120&fps=10")
	_, port, err := net.SplitHostPort(page)
	if err != nil {
		t.Fatal(err)
	}
	out := output(t, nil, "node", filepath.Join(browser, "nats-websocket.mjs"),
		filepath.Join("..", "..", "examples", "browser"), port, "ws://"+d.webSocket, "--camera", "porch")
	var got struct {
		Text   string
		Size   []int
		Faults []string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if len(got.Size) != 2 || got.Size[0] != 160 || got.Size[1] != 120 || !strings.HasPrefix(got.Text, "porch, picture ") ||
		len(got.Faults) > 0 {
		t.Errorf("%+v", got)
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
