package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/systemd"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// setup runs the command upon the file that the package brings, with a script in the place of systemctl.
func setup(t *testing.T, file, credentials string, c setupCommand) (stdout, asked string, err error) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	m := systemd.Manager{Booted: dir, Tool: filepath.Join(dir, "systemctl")}
	if err := os.WriteFile(m.Tool, []byte("#!/bin/sh\necho $* >>"+log+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	settings := parse(t, "--config="+file, "--credentials="+credentials).settings
	var out, said bytes.Buffer
	c.PasswordStdin = true
	err = c.Run(&cmdContext{settings: &settings, file: file, service: m, stdin: strings.NewReader(testPassword + "\n"),
		stdout: &out, stderr: &said, log: testutil.Log(t)})
	text, _ := os.ReadFile(log) // there is none if nothing was asked for
	return out.String(), string(text), err
}

func TestSetup(t *testing.T) {
	t.Setenv("BRAMBLE_AUDIT_LOG", "") // not said
	example, err := os.ReadFile("../../../deployments/config/hub.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, credentials := filepath.Join(dir, "hub.yaml"), filepath.Join(dir, "credentials.json")
	if err := os.WriteFile(file, append(example, "linger: 3s\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do but to start
		stdout, asked, err := setup(t, file, credentials, setupCommand{Name: "anna"})
		if err != nil || !strings.HasPrefix(stdout, "https://") || !strings.HasSuffix(stdout, "/\n") ||
			asked != "--quiet enable bramble-hub\n--quiet restart bramble-hub\n" {
			t.Errorf("printed %q, asked systemd for %q: %v", stdout, asked, err)
		}
	}
	s := parse(t, "--config="+file).settings
	want := parse(t).settings
	want.HTTP, want.NATS, want.Linger = strings.Replace(want.HTTP, "127.0.0.1", "0.0.0.0", 1), strings.Replace(want.NATS,
		"127.0.0.1", "0.0.0.0", 1), 3e9
	if s.HTTP != want.HTTP || s.NATS != want.NATS || s.Linger != want.Linger || s.Insecure || !s.RequireUsers {
		t.Errorf("the file says %+v", s)
	}
	if out, said, code := command(t, credentials, "", "audit", "--audit-log="+filepath.Join(dir, auditName)); code != 0 ||
		strings.Count(out, "user.add") != 1 {
		t.Errorf("the first user is not audited: %s, %s", out, said)
	}
	if list := do(t, credentials, "", "user", "list"); !strings.Contains(list, "anna") ||
		!strings.Contains(list, "admin") {
		t.Errorf("the users are\n%s", list)
	}
	fingerprint, names := fingerprintOf(t, s.TLSCert, s.TLSKey)
	if s.TLSCert != filepath.Join(dir, "hub.pem") || s.NATSTLSCert != s.TLSCert || s.NATSTLSKey != s.TLSKey ||
		!slices.Contains(names, "localhost") {
		t.Errorf("the certificates are %s and %s, for %v", s.TLSCert, s.NATSTLSCert, names)
	}
	cfg, err := s.hub(testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials
	if _, err := hub.New(cfg); err != nil {
		t.Errorf("the hub refuses it: %v", err)
	}
	if link := do(t, credentials, "", "link", "porch", "--config="+file); !strings.HasPrefix(link, "https://") ||
		strings.Contains(link, "0.0.0.0") {
		t.Error("a link does not lead to the page")
	}
	line := do(t, credentials, "", "agent", "add", "porch", "--config="+file)
	if !strings.Contains(line, "join tls://") || !strings.Contains(line, " --tls-fingerprint "+fingerprint+" ") ||
		strings.Contains(line, "127.0.0.1") || strings.Contains(line, "0.0.0.0") {
		t.Errorf("an agent elsewhere cannot join with %s", line)
	}
}

// TestSetupKeeps: what its owner has chosen stays, and a start that is not wanted is left out.
func TestSetupKeeps(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "hub.yaml")
	text := "http: 192.0.2.1:80\nnats: localhost:0\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, asked, err := setup(t, file, filepath.Join(dir, "credentials.json"), setupCommand{Name: "anna", NoStart: true})
	if err != nil || stdout != "http://192.0.2.1:80/\n" || asked != "" {
		t.Errorf("printed %q, asked systemd for %q: %v", stdout, asked, err)
	}
	if got, err := os.ReadFile(file); err != nil ||
		!strings.HasPrefix(string(got), "http: 192.0.2.1:80\nnats: 0.0.0.0:0\nnats-tls-cert: ") ||
		!strings.HasSuffix(string(got), "\nrequire-users: true\n") || strings.Contains(string(got), "\ntls-cert") {
		t.Errorf("%q, %v", got, err)
	}
}
