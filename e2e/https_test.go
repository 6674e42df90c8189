package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestHTTPS has TLS from the camera to the screen: an agent that pins the hub's key, and a browser, which gets all
// that the page uses by HTTP/2, beside the WebSocket, for which it opens a connection of its own.
func TestHTTPS(t *testing.T) {
	testutil.System(t, "plays over HTTPS in Chromium")
	t.Parallel()
	cert := testutil.NewCert(t, nil, nil)
	root, natsURL := startHub(t, hub.Config{TLSCert: cert.CertFile, TLSKey: cert.KeyFile, NATSTLSCert: cert.CertFile,
		NATSTLSKey: cert.KeyFile})
	a := start(t, binary("bramble-agent"), "--hub", natsURL, "--tls-fingerprint", tlstrust.Fingerprint(cert.Leaf),
		"--camera", small("porch"), "--camera", "yard=file:../hub/cmd/bramble-hub/clips/garden.h264#fps=10")
	a.waitOutput("msg=serving")
	var result struct {
		Streams, Cameras, Width int
		Kinds, Sockets          []string
		Paths                   map[string][]string // by protocol
		Tiles                   int                 `json:"tiles_ms"`
		Elapsed                 int                 `json:"elapsed_ms"`
	}
	runBrowser(t, &result, "https.mjs", root, "--jpeg", "porch", "--h264", "yard")
	if !slices.Equal(result.Kinds, []string{"canvas", "video"}) || result.Streams <= 6 || result.Cameras != 2 ||
		result.Width != 320 {
		t.Errorf("%+v", result)
	}
	for _, want := range []string{"/", "/cam/porch.mjpeg", "/cam/porch.jpeg", "/cam/yard.mp4", "/api/v1/cameras"} {
		if !slices.Contains(result.Paths["h2"], want) {
			t.Errorf("%s did not come by HTTP/2: %v", want, result.Paths)
		}
	}
	if !slices.ContainsFunc(result.Paths["h2"], func(p string) bool { return strings.HasPrefix(p, "/assets/") }) {
		t.Errorf("no assets came by HTTP/2: %v", result.Paths)
	}
	if len(result.Paths) != 1 || len(result.Sockets) == 0 || !strings.HasPrefix(result.Sockets[0], "wss://") {
		t.Errorf("other protocols: %v, WebSockets to %v", result.Paths, result.Sockets)
	}
	t.Logf("%+v", result)
}
