package agent

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bramble-cam/bramble/agent/internal/discover"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/setting"
)

// defaultScanInterval is the time between scans for new cameras. A scan reads a few directories.
const defaultScanInterval = 2 * time.Second

// discoverer finds the cameras of this host.
type discoverer interface {
	// Changed reports whether a camera was plugged in or unplugged since the last Find. Before the first Find it is
	// true.
	Changed() bool

	// Find returns the cameras that are there and usable. A name means the same camera each time.
	Find(ctx context.Context) ([]Camera, error)
}

// hostDiscoverer finds the cameras of this machine.
type hostDiscoverer struct{ *discover.Finder }

// Find returns the usable cameras, each with the source that fits it best.
func (d hostDiscoverer) Find(ctx context.Context) ([]Camera, error) {
	list, err := d.Cameras(ctx)
	if err != nil {
		return nil, err
	}
	var found []Camera
	for _, c := range list {
		if c.Use != nil {
			found = append(found, Camera{c.Name, c.Use.Source})
		}
	}
	return found, nil
}

// hotplug is the state of watchCameras.
type hotplug struct {
	discoverer
	sources map[string]string // of the served cameras, by name
	refused map[string]string // the last logged reason not to serve a camera, by name
	pending bool              // something found is not served yet
	logged  string            // the last log line about finding nothing
}

// watchCameras serves every camera that this host has or gets, until ctx ends. A camera that goes stays served: its
// source waits for it.
func (s *cameraServer) watchCameras(ctx context.Context, g *errgroup.Group) error {
	d := s.cfg.discoverer
	if d == nil {
		d = hostDiscoverer{discover.New(discover.Options{Host: s.cfg.Host})}
	}
	h := &hotplug{discoverer: d, sources: map[string]string{}, refused: map[string]string{}}
	tick := time.NewTicker(cmp.Or(s.cfg.scanInterval, defaultScanInterval))
	defer tick.Stop()
	for {
		if h.pending || h.Changed() {
			if err := s.serveDiscovered(ctx, g, h); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *cameraServer) serveDiscovered(ctx context.Context, g *errgroup.Group, h *hotplug) error {
	found, err := h.Find(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // an orderly stop
	}
	if err != nil || len(found) == 0 && len(h.sources) == 0 {
		h.logNoCameras(s.log, err)
	}
	h.pending = err != nil
	for _, c := range found {
		if h.sources[c.Name] == c.Source {
			continue
		}
		// The same camera has another path if a second one of its model was plugged in.
		if h.sources[c.Name] != "" {
			if err := s.remove(c.Name); err != nil {
				return err
			}
		} else if !s.mayServeDiscovered(ctx, h, c.Name) {
			h.pending = true
			continue
		}
		cam, err := s.newCamera(c)
		if err == nil {
			err = s.add(ctx, g, cam)
		}
		if err != nil {
			return err
		}
		h.sources[c.Name] = c.Source
		s.log.Info("serving a camera that was found", logkey.Camera, c.Name, logkey.Source, c.Source)
	}
	return nil
}

// mayServeDiscovered reports whether a camera of this name may be served, and logs once why not.
func (s *cameraServer) mayServeDiscovered(ctx context.Context, h *hotplug, name string) bool {
	err := s.checkConflict(ctx, s.nc, name)
	if err == nil {
		return true
	}
	if h.refused[name] != err.Error() {
		h.refused[name] = err.Error()
		s.log.Error("camera found but not served", logkey.Camera, name, logkey.Err, err,
			"remedy", setting.Errorf("give this host another name with {host}"))
	}
	return false
}

// logNoCameras logs once that no camera was found, or that the scan failed with err.
func (h *hotplug) logNoCameras(log *slog.Logger, err error) {
	text, attrs := "no camera found, waiting for one to be plugged in", []any{}
	if err != nil {
		text, attrs = "cannot look for cameras, trying again", []any{logkey.Err, err}
	}
	if h.logged == text {
		return
	}
	h.logged = text
	log.Warn(text, append(attrs, "remedy",
		setting.Errorf("'bramble-agent devices' says what is there and why it is not used; "+
			"name one with {camera} NAME=SOURCE"))...)
}
