package agent

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// fakeDiscoverer finds what a test says.
type fakeDiscoverer struct {
	mu      sync.Mutex
	found   []Camera
	err     error
	changed bool
	looks   int
}

func (f *fakeDiscoverer) set(err error, found ...Camera) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found, f.err, f.changed = found, err, true
}

func (f *fakeDiscoverer) Changed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.changed
	f.changed = false
	return c
}

func (f *fakeDiscoverer) Find(context.Context) ([]Camera, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	return f.found, f.err
}

func (f *fakeDiscoverer) looked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.looks
}

const (
	small = "pattern:#size=160x120"
	large = "pattern:#size=320x240"
)

// TestFound: cameras are served when they are plugged in, each under a name of its own, and one that is gone keeps
// its name.
func TestFound(t *testing.T) {
	t.Parallel()
	url := testutil.StartServer(t, server.Options{}).ClientURL()
	nc := testutil.Connect(t, url)
	f := &fakeDiscoverer{changed: true, err: errors.New("no rights")}
	cfg := config(t, url)
	cfg.discoverer = f
	a := newAgent(t, cfg)
	testutil.Run(t, a.Run)
	testutil.Eventually(t, "a first look", func() bool { return f.looked() > 0 })

	served := func(name string) func() bool {
		return func() bool {
			_, err := info(nc, name)
			return err == nil
		}
	}
	f.set(nil, Camera{"pi1-cam", small})
	testutil.Eventually(t, "the camera is served", served("pi1-cam"))
	f.set(nil, Camera{"pi1-cam-2", small}) // the first one is unplugged
	testutil.Eventually(t, "the second camera is served", served("pi1-cam-2"))
	if s, err := info(nc, "pi1-cam"); err != nil || s.Instance != a.base.Instance {
		t.Errorf("the first camera: %+v, %v", s, err)
	}

	_, pictures := subscribe(t, nc, "cam.pi1-cam.jpeg")
	if f := nextFrame(t, pictures); !bytes.Contains(f.Payload, []byte{0, 120, 0, 160}) { // of its frame header
		t.Error("not a picture of 160x120")
	}
	f.set(nil, Camera{"pi1-cam", large}, Camera{"pi1-cam-2", small}) // it is behind another path now
	testutil.Eventually(t, "the first camera is another one", func() bool {
		return bytes.Contains(nextFrame(t, pictures).Payload, []byte{0, 240, 1, 64})
	})
}

// TestFoundElsewhere: a camera whose name another host uses is served as soon as that host stops.
func TestFoundElsewhere(t *testing.T) {
	t.Parallel()
	url := testutil.StartServer(t, server.Options{}).ClientURL()
	nc := testutil.Connect(t, url)
	stop := runAgent(t, newAgent(t, config(t, url, "pi1-cam="+small)), nc)
	cfg := config(t, url)
	f := &fakeDiscoverer{changed: true, found: []Camera{{"pi1-cam", small}}}
	cfg.discoverer = f
	second := newAgent(t, cfg)
	testutil.Run(t, second.Run)
	testutil.Eventually(t, "the second agent looks again", func() bool { return f.looked() > 1 })
	if s, err := info(nc, "pi1-cam"); err != nil || s.Instance == second.base.Instance {
		t.Fatalf("served by %+v, %v", s, err)
	}
	stop()
	testutil.Eventually(t, "the second agent serves the camera", func() bool {
		s, err := info(nc, "pi1-cam")
		return err == nil && s.Instance == second.base.Instance
	})
}
