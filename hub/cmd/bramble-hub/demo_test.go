package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// get returns the body of a short answer.
func get(t *testing.T, url string) (body []byte, err error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: testutil.Timeout}
	resp, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// TestDemo sees the four cameras, each live once it is watched, also under another subject root. goleak sees that
// nothing is left.
func TestDemo(t *testing.T) {
	c := parse(t, "demo", "--http=127.0.0.1:0", "--nats=127.0.0.1:0", "--subject-root=show.cam",
		"--credentials="+filepath.Join(t.TempDir(), "credentials.json"))
	err := credstore.Edit(c.Credentials,
		func(d *credstore.File) error { _, err := d.AddAgent("other", []string{"elsewhere"}); return err })
	if err != nil { // from here on NATS asks every client for a credential, also the demo's own agent
		t.Fatal(err)
	}
	cfg, err := c.hub(testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	h, err := hub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, demo{hub: h, root: c.SubjectRoot, log: testutil.Log(t)}.run)
	ctx, cancel := context.WithTimeout(context.Background(), testutil.Timeout)
	defer cancel()
	addr, _, err := h.WaitStarted(ctx)
	if err != nil {
		t.Fatal(err)
	}
	root := "http://" + addr
	want := map[string]string{"garden": "h264", "lab-bench": "jpeg", "porch": "jpeg", "workshop": "h264"}
	var list struct {
		Cameras []struct{ ID, State, Format, Reason string }
	}
	see := func(what string, ok func() bool) {
		t.Helper()
		testutil.Eventually(t, what, func() bool {
			body, err := get(t, root+"/api/v1/cameras")
			list.Cameras = nil
			return err == nil && json.Unmarshal(body, &list) == nil && len(list.Cameras) == len(want) && ok()
		})
	}
	see("four cameras", func() bool { return true })
	for _, cam := range list.Cameras {
		if want[cam.ID] != cam.Format {
			t.Errorf("%s delivers %s, want %s", cam.ID, cam.Format, want[cam.ID])
		}
		path := "/cam/" + cam.ID + ".jpeg"
		if cam.Format == "h264" {
			path = "/cam/" + cam.ID + ".mp4?duration=0.1"
		}
		if body, err := get(t, root+path); err != nil || len(body) < 1000 {
			t.Errorf("%s: %d bytes, %v", path, len(body), err)
		}
	}
	see("all are live", func() bool {
		for _, cam := range list.Cameras {
			if cam.State != "live" {
				return false
			}
		}
		return true
	})
}

// A demo whose agent cannot start ends, with its error.
func TestDemoFails(t *testing.T) {
	c := parse(t, "demo", "--http=127.0.0.1:0", "--nats=127.0.0.1:0")
	cfg, err := c.hub(testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	h, err := hub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- demo{hub: h, root: "a b", log: testutil.Log(t)}.run(context.Background()) }()
	if err := testutil.Receive(t, "the demo's end", done); err == nil {
		t.Error("no error")
	}
}
