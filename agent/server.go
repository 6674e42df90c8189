package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"golang.org/x/sync/errgroup"

	"github.com/bramble-cam/bramble/agent/internal/service"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// cameraServer serves cameras over one NATS connection.
type cameraServer struct {
	*Agent
	nc       *nats.Conn
	watchdog *watchdog

	mu      sync.Mutex
	serving []*servedCamera // guarded by mu
}

// servedCamera is a camera that answers requests.
type servedCamera struct {
	*camera
	service *service.Service
	stop    context.CancelFunc
	ended   chan struct{} // closed when the camera is released
}

func newCameraServer(a *Agent, nc *nats.Conn, w *watchdog) *cameraServer {
	return &cameraServer{Agent: a, nc: nc, watchdog: w}
}

// run serves the cameras of the configuration, or all that are discovered, until ctx ends.
func (s *cameraServer) run(ctx context.Context, connected <-chan struct{}) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range s.cameras {
		if err := s.add(ctx, g, c); err != nil {
			return errors.Join(err, s.stop())
		}
	}
	if len(s.cameras) == 0 {
		g.Go(func() error { return s.watchCameras(ctx, g) })
	} else {
		s.log.Info("serving", "cameras", len(s.cameras))
	}
	g.Go(func() error { return s.followReloads(ctx, g) })
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-connected:
				for _, c := range s.list() {
					c.reconnected()
				}
			}
		}
	})
	err := g.Wait()
	err = errors.Join(err, s.stop())
	s.publishAllStopped()
	return err
}

// add serves one more camera in g.
func (s *cameraServer) add(ctx context.Context, g *errgroup.Group, c *camera) error {
	c.connect(s.nc, s.space, s.cfg.Linger)
	svc, err := service.Serve(ctx, s.nc, s.space, c, s.log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	v := &servedCamera{c, svc, cancel, make(chan struct{})}
	s.mu.Lock()
	s.serving = append(s.serving, v)
	s.mu.Unlock()
	s.watchdog.add(c)
	g.Go(func() error {
		defer close(v.ended)
		return c.run(ctx)
	})
	return nil
}

// remove stops serving the camera of this name and returns when it is released.
func (s *cameraServer) remove(name string) error {
	s.mu.Lock()
	i := slices.IndexFunc(s.serving, func(v *servedCamera) bool { return v.name == name })
	v := s.serving[i]
	s.serving = slices.Delete(s.serving, i, i+1)
	s.mu.Unlock()
	v.stop()
	<-v.ended
	s.watchdog.remove(v.camera)
	return v.service.Stop()
}

func (s *cameraServer) list() []*servedCamera {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.serving)
}

func (s *cameraServer) stop() error {
	var errs []error
	for _, v := range s.list() {
		v.stop()
		errs = append(errs, v.service.Stop())
	}
	return errors.Join(errs...)
}

// publishAllStopped tells hubs that the cameras are gone, so that they need not wait for a timeout. Errors do not
// matter.
func (s *cameraServer) publishAllStopped() {
	for _, c := range s.list() {
		if s.publishStopped(c.camera) != nil {
			return
		}
	}
	_ = s.nc.FlushTimeout(500 * time.Millisecond)
}

func (s *cameraServer) publishStopped(c *camera) error {
	c.setState(status.Stopped, "")
	data, err := json.Marshal(c.Status())
	if err != nil {
		return err
	}
	return s.nc.Publish(s.space.Status(c.name), data)
}

// checkConflict asks for a camera of this name. The error says that another agent answers, or that this one's
// credential is not for it.
func (a *Agent) checkConflict(ctx context.Context, nc *nats.Conn, name string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	subj := a.space.Do(name, subject.Info)
	msg, err := nc.RequestWithContext(ctx, subj, nil)
	if a.permissions.isDenied(subj) {
		return fmt.Errorf("camera %s: the hub does not let this agent serve it: its credential is for other cameras: "+
			"name the camera as the hub does, or make another credential there with \"bramble-hub agent add NAME "+
			"--cameras %s\"", name, name)
	}
	if err != nil || a.cfg.Takeover {
		return nil //nolint:nilerr // no answer: no other agent serves it
	}
	if text := msg.Header.Get(micro.ErrorHeader); text != "" {
		return fmt.Errorf("camera %s: an agent that serves it already answers with an error: %s: try again later",
			name, printable.Line(text, 200))
	}
	other, err := status.Decode(msg.Data)
	if err != nil {
		return fmt.Errorf("camera %s: something answers for it already, but not as an agent does: %w", name, err)
	}
	return &conflictError{name, other}
}

// conflictError says that another agent serves the camera.
type conflictError struct {
	name string
	by   status.Status
}

func (e *conflictError) Error() string { return e.Unwrap().Error() }

// Unwrap returns the error that names the setting which helps.
func (e *conflictError) Unwrap() error {
	return setting.Errorf("camera %s is already served by an agent on host %s (since %s): "+
		"give this camera another name, stop that agent, or start with {takeover}",
		e.name, e.by.Host, e.by.Started.Local().Format(time.DateTime))
}
