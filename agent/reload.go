package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bramble-cam/bramble/internal/logkey"
)

// ErrFound says that a list of cameras cannot take the place of those that the agent finds itself, nor the other way round.
var ErrFound = errors.New("a list of cameras instead of those that are found, or the other way round, needs a restart")

// reload asks a session for other cameras.
type reload struct {
	cameras []Camera
	done    chan<- error
}

// Reload takes over another list of cameras: those that are not in it are released, new ones are served, and those whose source has changed begin anew. All
// others do not notice. After an error nothing has changed. A new camera that may not be served, since another agent serves one of its name, is logged and
// left out. Call it while Run runs; it waits until the agent has reached NATS once, or ctx ends.
func (a *Agent) Reload(ctx context.Context, cameras []Camera) error {
	if (len(cameras) == 0) != (len(a.cfg.Cameras) == 0) {
		return ErrFound
	}
	if len(cameras) == 0 {
		return nil
	}
	cfg := a.cfg
	cfg.Cameras = cameras
	if err := cfg.validate(); err != nil {
		return err
	}
	for _, c := range cameras {
		if _, err := a.build(c); err != nil {
			return err
		}
	}
	done := make(chan error, 1)
	select {
	case a.reloads <- reload{cameras, done}:
	case <-ctx.Done():
		return fmt.Errorf("the agent ends, or has not reached NATS: %w", ctx.Err())
	}
	return <-done
}

// followReloads changes the cameras that are served when it is asked to, until ctx ends.
func (s *session) followReloads(ctx context.Context, g *errgroup.Group) error {
	now := make(map[string]string) // source by name
	for _, c := range s.cfg.Cameras {
		now[c.Name] = c.Source
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-s.reloads:
			err := s.takeOver(ctx, g, now, r.cameras)
			r.done <- err
			if err != nil {
				return err
			}
		}
	}
}

// takeOver serves other cameras than now, which it changes. The error is one after which the agent cannot go on.
func (s *session) takeOver(ctx context.Context, g *errgroup.Group, now map[string]string, cameras []Camera) error {
	for name := range now {
		if slices.ContainsFunc(cameras, func(c Camera) bool { return c.Name == name }) {
			continue
		}
		gone := s.find(name)
		if err := s.remove(name); err != nil {
			return err
		}
		delete(now, name)
		_ = s.sayGone(gone) // a courtesy, as at the end
		s.log.Info("camera released, since it is in the list no more", logkey.Camera, name)
	}
	for _, c := range cameras {
		source, served := now[c.Name]
		switch {
		case served && source == c.Source:
			continue
		case served:
			if err := s.remove(c.Name); err != nil {
				return err
			}
		default:
			if err := s.mayServe(ctx, s.nc, c.Name); err != nil {
				s.log.Error("camera not served", logkey.Camera, c.Name, logkey.Err, err)
				continue
			}
		}
		cam, err := s.build(c)
		if err == nil {
			err = s.add(ctx, g, cam)
		}
		if err != nil {
			return err
		}
		now[c.Name] = c.Source
		s.log.Info("serving a camera of the changed list", logkey.Camera, c.Name, "anew", served)
	}
	_ = s.nc.FlushTimeout(time.Second) // so that they answer when that is said; without NATS they will
	return nil
}

// find returns the camera of this name, which is served.
func (s *session) find(name string) *camera {
	list := s.list()
	return list[slices.IndexFunc(list, func(v *served) bool { return v.name == name })].camera
}
