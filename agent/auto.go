package agent

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bramble-cam/bramble/agent/internal/discover"
	"github.com/bramble-cam/bramble/internal/logkey"
)

// lookEvery is how often the host is looked at for cameras that were plugged in, which takes the reading of a few folders.
const lookEvery = 2 * time.Second

// finder finds the cameras of this host.
type finder interface {
	// Changed reports whether something was plugged in or unplugged since the last Find, or there was none yet.
	Changed() bool

	// Find returns the cameras that are there and worth using. A name stands for the same camera each time.
	Find(ctx context.Context) ([]Camera, error)
}

// auto is what findCameras remembers.
type auto struct {
	finder
	sources map[string]string // by name, of the cameras that are served
	refused map[string]string // by name: why it is not served, as it was said
	pending bool              // something found is not served yet
	said    string            // the last thing said about finding nothing
}

// findCameras serves every camera that this host has or gets, until ctx ends. One that goes is kept: its source waits for it.
func (s *session) findCameras(ctx context.Context, g *errgroup.Group) error {
	f := s.cfg.finder
	if f == nil {
		f = hostFinder{discover.New(discover.Options{Host: s.cfg.Host})}
	}
	m := &auto{finder: f, sources: map[string]string{}, refused: map[string]string{}}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if m.pending || m.Changed() {
			if err := s.serveFound(ctx, g, m); err != nil {
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

func (s *session) serveFound(ctx context.Context, g *errgroup.Group, m *auto) error {
	found, err := m.Find(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // a stop in good order
	}
	if err != nil || len(found) == 0 && len(m.sources) == 0 {
		s.sayNone(m, err)
	}
	m.pending = err != nil
	for _, c := range found {
		if m.sources[c.Name] == c.Source {
			continue
		}
		if m.sources[c.Name] != "" { // the same camera behind another path, since a twin of it was plugged in
			if err := s.remove(c.Name); err != nil {
				return err
			}
		} else if !s.mayServeFound(ctx, m, c.Name) {
			m.pending = true
			continue
		}
		cam, err := s.build(c)
		if err == nil {
			err = s.add(ctx, g, cam)
		}
		if err != nil {
			return err
		}
		m.sources[c.Name] = c.Source
		s.log.Info("serving a camera that was found", logkey.Camera, c.Name, logkey.Source, c.Source)
	}
	return nil
}

// mayServeFound reports whether a camera of this name may be served, and says it if not.
func (s *session) mayServeFound(ctx context.Context, m *auto, name string) bool {
	err := s.mayServe(ctx, s.nc, name)
	if err == nil {
		return true
	}
	if m.refused[name] != err.Error() {
		m.refused[name] = err.Error()
		s.log.Error("camera found but not served", logkey.Camera, name, logkey.Err, err, "remedy", "give this host another name with --host")
	}
	return false
}

// sayNone says once that there is nothing to serve.
func (s *session) sayNone(m *auto, err error) {
	text := "no camera found, waiting for one to be plugged in"
	if err != nil {
		text = "cannot look for cameras, trying again"
	}
	if m.said == text {
		return
	}
	m.said = text
	s.log.Warn(text, logkey.Err, err, "remedy", "'bramble-agent devices' says what is there and why it is not used; name one with --camera NAME=SOURCE")
}
