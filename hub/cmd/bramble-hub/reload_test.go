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
	"github.com/bramble-cam/bramble/internal/testutil"
)

// lines is a log of which each line can be waited for.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// until returns the next line that has all parts.
func (l lines) until(t *testing.T, parts ...string) string {
	t.Helper()
	for {
		line := testutil.Receive(t, "a line with "+strings.Join(parts, ", "), l)
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			return line
		}
	}
}

// On SIGHUP the hub takes over what it can, names what it cannot, and keeps what it has if the file is wrong.
func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hub.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	write("http: 127.0.0.1:0\nnats: 127.0.0.1:0\nmax-viewers: 5\n")
	said, code := make(lines, 100), make(chan int, 1)
	go func() { code <- run([]string{"--config=" + file, "--linger=3s"}, nil, io.Discard, said) }()
	said.until(t, "hub ready")

	write("http: 127.0.0.1:0\nnats: 127.0.0.1:0\nmax-viewers: 7\nlog-level: debug\nmax-transcodes: 3\nlinger: 9s\n")
	signal(syscall.SIGHUP)
	said.until(t, "settings read again", "changed=\"[max-viewers log-level]\"") // linger is a flag's
	said.until(t, "need a restart", "settings=[max-transcodes]")

	write("max-viewers: many\n")
	signal(syscall.SIGHUP)
	said.until(t, "level=ERROR", "previous ones stay in force", "--max-viewers", "bramble-hub check")
	write("http: 0.0.0.0:0\n")
	signal(syscall.SIGHUP)
	said.until(t, "level=ERROR", "previous ones stay in force", "--insecure")

	write("http: 127.0.0.1:0\nnats: 127.0.0.1:0\nmax-viewers: 7\nlog-level: warn\nmax-transcodes: 3\n")
	signal(syscall.SIGHUP)
	// still, and without a line of level info before
	said.until(t, "level=WARN", "need a restart", "settings=[max-transcodes]")
	signal(syscall.SIGTERM)
	if code := testutil.Receive(t, "the exit code", code); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// check says what the settings are and where they come from, without secrets, and whether they are right.
func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hub.yaml")
	if err := os.WriteFile(file, []byte("max-viewers: 7\nnats-url: nats://me:hidden@example.com\nlinger: 2s\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BRAMBLE_LINGER", "4s")
	var stdout, stderr bytes.Buffer
	if code := run([]string{"check", "--config=" + file, "--log-level=warn"}, nil, &stdout, &stderr); code != 0 ||
		stderr.Len() > 0 {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
	var rows [][]string
	for line := range strings.Lines(stdout.String()) {
		rows = append(rows, strings.Fields(line))
	}
	for _, want := range [][]string{
		{"SETTING", "VALUE", "FROM"}, {"log-level", "warn", "flag"}, {"linger", "4s", "environment", "BRAMBLE_LINGER"},
		{"max-viewers", "7", "file", file},
		{"nats-url", "nats://***@example.com", "file", file}, {"max-transcodes", "auto", "default"},
		{"tls-cert", "-", "default"},
	} {
		if !slices.ContainsFunc(rows, func(row []string) bool { return slices.Equal(row, want) }) {
			t.Errorf("no row %v in\n%s", want, stdout.String())
		}
	}
	nats := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(nats, []byte("authorization {"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(open, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		arg, says string
	}{{"--nats-config=" + nats, nats}, {"--http=0.0.0.0:0", "--insecure"}, {"--credentials=" + open,
		"chmod 600"}, {"--allow-origin=here", "--allow-origin"}} {
		stdout.Reset()
		stderr.Reset()
		if code := run([]string{"check", test.arg}, nil, &stdout, &stderr); code != config.ExitConfig ||
			!strings.Contains(stderr.String(), test.says) {
			t.Errorf("%s: exit code %d, %s", test.arg, code, stderr.String())
		}
	}
}
