package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestPicamera2 runs the example script of the guide, over a stand-in for picamera2, under a real agent: its pictures
// come byte for byte and in order, and the script ends, its camera closed, when no viewer is left.
func TestPicamera2(t *testing.T) {
	need(t, "python3")
	dir := t.TempDir()
	folder := filepath.Join(dir, "pictures")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	var pictures [][]byte
	for n := range 5 {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64+16*n, 48)), nil); err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, b.Bytes())
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.jpeg", n)), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PYTHONPATH", "testdata")
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	t.Setenv("BRAMBLE_PICTURES", folder)
	t.Setenv("BRAMBLE_LINGER", "500ms")
	url := testutil.StartNATS(t)
	startAgent(t, url, "desk=exec:python3 ../examples/picamera2/mjpeg.py#format=mjpeg")

	nc := testutil.Connect(t, url)
	got := make(chan *nats.Msg, 1<<10)
	sub, err := nc.ChanSubscribe("cam.desk.jpeg", got)
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for n, probes := 0, 0; n < 10; {
		msg := testutil.Receive(t, "a picture of the script", got)
		if len(msg.Data) == 0 {
			if probes++; probes > 10 { // a probe a second
				t.Fatal("the script delivers nothing")
			}
			continue
		}
		at := slices.IndexFunc(pictures, func(p []byte) bool { return bytes.Equal(p, msg.Data) })
		if at < 0 {
			t.Fatalf("picture %d, of %d bytes, is none of the camera's", n, len(msg.Data))
		}
		if last >= 0 && at == last {
			t.Errorf("picture %d came twice in a row", at)
		}
		last = at
		n++
	}
	if exists(filepath.Join(dir, "closed")) {
		t.Error("the script ended while it had a viewer")
	}
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the script has closed its camera", func() bool { return exists(filepath.Join(dir, "closed")) })
}
