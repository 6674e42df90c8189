package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// Commands on two hosts change one set of credentials. Without NATS they change nothing, unless --local is given.
func TestCredentialsCommands(t *testing.T) {
	ns := testutil.StartServer(t, server.Options{JetStream: true, StoreDir: t.TempDir()})
	bucket := []string{"--credentials-kv=HUBS", "--credentials-kv-url=" + ns.ClientURL()}
	at := func(args ...string) []string { return append(args, bucket...) }
	a, b := filepath.Join(t.TempDir(), "credentials.json"), filepath.Join(t.TempDir(), "credentials.json")
	if _, said, code := command(t, a, testPassword, at("user", "add", "anna", "--password-stdin")...); code == 0 ||
		!strings.Contains(said, "credentials push") {
		t.Errorf("without a bucket: %d %s", code, said)
	}
	do(t, a, testPassword, "user", "add", "anna", "--password-stdin")
	do(t, a, "", at("credentials", "push")...)
	do(t, b, testPassword, at("user", "add", "otto", "--password-stdin")...)
	do(t, b, "", at("token", "add", "anna", "backup")...)
	do(t, b, "", at("agent", "add", "porch")...)
	if list := do(t, b, "", at("user", "list")...); !strings.Contains(list, "anna") || !strings.Contains(list, "otto") {
		t.Errorf("the list:\n%s", list)
	}
	out, said, code := command(t, a, "", at("credentials", "status")...)
	if code != 1 || !strings.Contains(said, "credentials pull") || !strings.Contains(out, a) {
		t.Errorf("%d %s %s", code, out, said)
	}
	do(t, a, "", at("credentials", "pull")...)
	do(t, a, "", at("credentials", "pull")...)
	if out, said, code = command(t, a, "", at("credentials", "status")...); code != 0 ||
		!strings.Contains(out, "HUBS") {
		t.Errorf("%d %s %s", code, out, said)
	}
	testutil.StopServer(ns)
	before, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"user", "remove", "anna"}, {"token", "add", "anna", "x"}, {"link", "--revoke-all"}} {
		_, said, code := command(t, a, "", at(args...)...)
		if after, err := os.ReadFile(a); code == 0 || err != nil || string(after) != string(before) ||
			!strings.Contains(said, "--local") {
			t.Errorf("%v without NATS: %d %s", args, code, said)
		}
	}
	do(t, a, "", at("user", "remove", "anna", "--local")...)
	if list := do(t, a, "", "user", "list"); strings.Contains(list, "anna") {
		t.Errorf("the list:\n%s", list)
	}
	for _, args := range [][]string{
		{"credentials", "status"}, {"check", "--credentials-kv-url=nats://a"}, {"check", "--credentials-kv=HUBS"},
	} {
		if _, said, code := command(t, a, "", args...); code == 0 || !strings.Contains(said, "--credentials-kv") {
			t.Errorf("%v: %d %s", args, code, said)
		}
	}
	missing := filepath.Join(t.TempDir(), "credentials.json")
	if _, said, code := command(t, missing, "", at("--http=127.0.0.1:0", "--nats=127.0.0.1:0")...); code != 1 ||
		!strings.Contains(said, "cannot be taken from the bucket") {
		t.Errorf("a hub without a file: %d %s", code, said)
	}
}
