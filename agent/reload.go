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

// ErrAutomatic means that a list of cameras cannot replace discovered ones, nor the other way round.
var ErrAutomatic = errors.New("a list of cameras instead of those that are found, or the other way round, " +
	"needs a restart")

// reload is a request for other cameras.
type reload struct {
	cameras []Camera
	done    chan<- error
}

// Reload applies another list of cameras. Cameras that are not in it are released, new ones are served, and those
// with another source start again. All others are not disturbed. After an error nothing has changed. A new camera
// whose name another agent serves is logged and left out. Call Reload while Run runs. It waits until the agent has
// reached NATS once, or until ctx ends.
func (a *Agent) Reload(ctx context.Context, cameras []Camera) error {
	if (len(cameras) == 0) != (len(a.cfg.Cameras) == 0) {
		return ErrAutomatic
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
		if _, err := a.newCamera(c); err != nil {
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
func (s *cameraServer) followReloads(ctx context.Context, g *errgroup.Group) error {
	current := make(map[string]string) // source by name
	for _, c := range s.cfg.Cameras {
		current[c.Name] = c.Source
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-s.reloads:
			err := s.applyList(ctx, g, current, r.cameras)
			r.done <- err
			if err != nil {
				return err
			}
		}
	}
}

// applyList serves the cameras of a list instead of the current ones, and updates current. After an error the agent
// cannot go on.
func (s *cameraServer) applyList(
	ctx context.Context, g *errgroup.Group, current map[string]string, cameras []Camera,
) error {
	for name := range current {
		if slices.ContainsFunc(cameras, func(c Camera) bool { return c.Name == name }) {
			continue
		}
		gone := s.find(name)
		if err := s.remove(name); err != nil {
			return err
		}
		delete(current, name)
		_ = s.publishStopped(gone) // as in publishAllStopped
		s.log.Info("camera released: it is no longer in the list", logkey.Camera, name)
	}
	for _, c := range cameras {
		source, served := current[c.Name]
		switch {
		case served && source == c.Source:
			continue
		case served:
			if err := s.remove(c.Name); err != nil {
				return err
			}
		default:
			if err := s.checkConflict(ctx, s.nc, c.Name); err != nil {
				s.log.Error("camera not served", logkey.Camera, c.Name, logkey.Err, err)
				continue
			}
		}
		cam, err := s.newCamera(c)
		if err == nil {
			err = s.add(ctx, g, cam)
		}
		if err != nil {
			return err
		}
		current[c.Name] = c.Source
		s.log.Info("serving a camera of the changed list", logkey.Camera, c.Name, "restarted", served)
	}
	_ = s.nc.FlushTimeout(time.Second) // so that the cameras answer when Reload returns; without NATS they will later
	return nil
}

// find returns the served camera of this name.
func (s *cameraServer) find(name string) *camera {
	list := s.list()
	return list[slices.IndexFunc(list, func(v *servedCamera) bool { return v.name == name })].camera
}
