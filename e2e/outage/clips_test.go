package outage

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/e2e/internal/clips"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func makeJPEG(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "clip.mjpeg")
	if err := clips.JPEG(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func makeH264(t *testing.T) (path string) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed: make test installs it where it can")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*testutil.Timeout)
	defer cancel()
	path = filepath.Join(t.TempDir(), "clip.h264")
	if err := clips.H264(ctx, path); err != nil {
		t.Fatal(err)
	}
	return path
}
