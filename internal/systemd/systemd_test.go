package systemd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// systemd takes the place of systemctl: a script that writes down what it is asked for.
func systemd(t *testing.T, script string) (m Manager, asked func() string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "asked")
	tool := filepath.Join(dir, "systemctl")
	if err := os.WriteFile(tool, []byte("#!/bin/sh\necho \"$@\" >>"+log+"\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return Manager{Booted: dir, Tool: tool}, func() string {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func TestStart(t *testing.T) {
	m, asked := systemd(t, "echo noise")
	if err := m.Start(t.Context(), "bramble-agent"); err != nil {
		t.Fatal(err)
	}
	if got := asked(); got != "--quiet enable bramble-agent\n--quiet restart bramble-agent\n" {
		t.Errorf("asked for %q", got)
	}
}

func TestStartFails(t *testing.T) {
	m, asked := systemd(t, "[ $2 = enable ] || { echo 'Job failed.' >&2; exit 1; }")
	err := m.Start(t.Context(), "bramble-agent")
	for _, part := range []string{"restart bramble-agent", "Job failed.", "journalctl -u bramble-agent"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	if got := asked(); !strings.HasSuffix(got, "restart bramble-agent\n") {
		t.Errorf("asked for %q", got)
	}
	m.Booted = filepath.Join(m.Booted, "gone")
	if err := m.Start(t.Context(), "bramble-agent"); !errors.Is(err, ErrNoSystemd) {
		t.Errorf("%v", err)
	}
}
