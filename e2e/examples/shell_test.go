package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestShell runs the shell examples with NATS' own command line tool.
func TestShell(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("nats"); err != nil {
		t.Skip("the nats command line tool is not on PATH: go install github.com/nats-io/natscli/nats@v0.5.0")
	}
	url := testutil.StartNATS(t)
	serve(t, url, "porch=pattern:#size=160x120&fps=10")
	env := []string{"NATS_URL=" + url, "XDG_CONFIG_HOME=" + t.TempDir()}
	shell := filepath.Join("..", "..", "examples", "shell")

	dir := t.TempDir()
	// of an idle camera: the first may be a question
	output(t, env, "sh", filepath.Join(shell, "save.sh"), "porch", dir, "6")
	saved, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(saved) < 4 || len(saved) > 6 {
		t.Errorf("6 messages made %v, %v", saved, err)
	}
	for _, name := range saved {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		checkPicture(t, b, 160, 120)
	}

	checkPicture(t, output(t, env, "sh", filepath.Join(shell, "snapshot.sh"), "porch"), 160, 120)
}
