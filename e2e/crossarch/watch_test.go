package crossarch

import (
	"bytes"
	"context"
	"image/jpeg"
	"io"
	"mime/multipart"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// startHub runs a hub in this process and returns the root of its URLs and its NATS URL.
func startHub(t *testing.T) (root, natsURL string) {
	t.Helper()
	h, err := hub.New(hub.Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, h.Run)
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	addr, natsURL, err := h.WaitStarted(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + addr, natsURL
}

// start starts a program, and shows what it said if the test fails.
func start(t *testing.T, command []string) *proc.Process {
	t.Helper()
	p, err := proc.Start(nil, command[0], command[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", strings.Join(command, " "), p.Output())
		}
	})
	return p
}

// open requests a stream of the hub, which may not know the camera yet. It ends with the test.
func open(t *testing.T, url string) io.Reader {
	t.Helper()
	transport := &http.Transport{}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(transport.CloseIdleConnections)
	t.Cleanup(cancel)
	var resp *http.Response
	testutil.Eventually(t, "the hub serves "+url, func() bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err = (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK {
			return true
		}
		_ = resp.Body.Close() // asked again
		return false
	})
	t.Cleanup(func() { _ = resp.Body.Close() }) // it was cut
	return resp.Body
}

// watchJPEG decodes n pictures of an MJPEG stream.
func watchJPEG(t *testing.T, url string, width, height, n int) {
	t.Helper()
	parts := multipart.NewReader(open(t, url), "bramble-part")
	for i := range n {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(part)
		if err != nil {
			t.Fatalf("picture %d: %v", i, err)
		}
		if size := img.Bounds().Size(); size.X != width || size.Y != height {
			t.Fatalf("picture %d is %v, want %dx%d", i, size, width, height)
		}
	}
}

// watchH264 lets ffmpeg decode n pictures of a raw H.264 stream.
func watchH264(t *testing.T, url string, n int) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed: make test-system installs it where it can")
	}
	_, _ = open(t, url).Read(make([]byte, 1)) // until the hub has frames: ffmpeg does not ask twice
	ctx, cancel := context.WithTimeout(t.Context(), 2*testutil.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-xerror", "-i", url, "-frames:v", strconv.Itoa(n),
		"-fps_mode", "passthrough", "-f", "framemd5", "-")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, stderr.String())
	}
	pictures := 0
	for line := range bytes.Lines(out) {
		if !bytes.HasPrefix(line, []byte("#")) {
			pictures++
		}
	}
	if pictures != n || stderr.Len() > 0 {
		t.Errorf("ffmpeg decoded %d pictures, want %d, and said: %s", pictures, n, stderr.String())
	}
}
