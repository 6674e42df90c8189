package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// lines is a log of which each line can be waited for.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func (l lines) until(t *testing.T, parts ...string) {
	t.Helper()
	for {
		line := testutil.Receive(t, "a line with "+strings.Join(parts, ", "), l)
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			return
		}
	}
}

// TestReload: on SIGHUP the agent takes over its list of cameras, names what it cannot change, and keeps what it has if
// the file is wrong.
func TestReload(t *testing.T) {
	url := testutil.StartNATS(t)
	file := filepath.Join(t.TempDir(), "agent.yaml")
	said, code := make(lines, 100), make(chan int, 1)
	for _, step := range []struct {
		file string
		says [][]string
	}{
		{"camera: ['porch=pattern:#size=160x120']\n", [][]string{{"serving", "cameras=1"}}},
		{"camera: ['yard=pattern:#size=160x120']\nlinger: 7s\n", [][]string{
			{"camera released", "camera=porch"}, {"serving a camera of the changed list", "camera=yard"},
			{"settings read again", "changed=[camera]"}, {"need a restart", "settings=[linger]"},
		}},
		{"camera: ['yard=webcam:']\n",
			[][]string{{"level=ERROR", "previous ones stay in force", "camera yard", "bramble-agent check"}}},
		{"camera: []\n", [][]string{{"settings read again", "changed=[]"}, {"need a restart", "settings=[camera]"}}},
		{"camera: ['yard=pattern:#size=160x120']\nlog-level: debug\n",
			[][]string{{"settings read again", "changed=[log-level]"}}},
	} {
		if err := os.WriteFile(file, []byte(step.file), 0o600); err != nil {
			t.Fatal(err)
		}
		if code != nil && len(step.says) == 1 && step.says[0][0] == "serving" {
			go func() { code <- run([]string{"--config", file, "--hub", url}, nil, io.Discard, said) }()
		} else if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for _, parts := range step.says {
			said.until(t, parts...)
		}
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := testutil.Receive(t, "the end", code); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestCheck: what the settings are and where they come from, without secrets, and whether they are right.
func TestCheck(t *testing.T) {
	var stdout, stderr bytes.Buffer
	cred, err := credential.New()
	if err != nil {
		t.Fatal(err)
	}
	seed := cred.Seed().Reveal()
	if code := run([]string{"check", "--credential", seed,
		"--camera=a=exec:ffmpeg -i rtsp://me:hidden@example.com#format=h264"}, nil, &stdout, &stderr); code != 0 ||
		strings.Count(stderr.String(), "a secret is on the command line") != 2 || strings.Contains(stderr.String(), seed) {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
	if out := stdout.String(); strings.Contains(out, seed) || strings.Contains(out, "hidden") ||
		!strings.Contains(out, "rtsp://***@example.com") || !strings.Contains(out, "***") {
		t.Errorf("printed %s", out)
	}
	if code := run([]string{"check", "--camera=a=webcam:"}, nil, &stdout, &stderr); code != config.ExitConfig ||
		!strings.Contains(stderr.String(), "camera a") {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
}
