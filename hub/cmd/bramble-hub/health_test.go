package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestHealth(t *testing.T) {
	h, err := hub.New(hub.Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	stop := testutil.Run(t, h.Run)
	addr, _, err := h.WaitStarted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "none.json")
	if out, said, code := command(t, file, "", "health", "--http", addr); code != 0 || out != "alive\n" {
		t.Errorf("a hub that lives: code %d, %q, %q", code, out, said)
	}
	stop()
	if _, said, code := command(t, file, "", "health", "--http", addr); code != 1 ||
		!strings.Contains(said, "no hub answers") {
		t.Errorf("a hub that is gone: code %d, %q", code, said)
	}
}

func TestHealthURL(t *testing.T) {
	const port = ":" + "8080"
	for _, tc := range []struct {
		host   string
		secure bool
		want   string
	}{
		{"127.0.0.1", false, "http://127.0.0.1"},
		{"0.0.0.0", true, "https://localhost"},
		{"[::]", false, "http://localhost"},
		{"", false, "http://localhost"},
		{"[2001:db8::1]", false, "http://[2001:db8::1]"},
	} {
		if got, err := healthURL(tc.host+port, tc.secure); got != tc.want+port+"/healthz" || err != nil {
			t.Errorf("%s: %q, %v", tc.host, got, err)
		}
	}
	if got, err := healthURL("nothing", false); err == nil {
		t.Errorf("an address without port: %q", got)
	}
}
