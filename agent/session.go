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
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// session serves cameras over one connection.
type session struct {
	*Agent
	nc         *nats.Conn
	supervisor *supervisor

	mu      sync.Mutex
	serving []*served // guarded by mu
}

// served is a camera that is served.
type served struct {
	*camera
	service *service.Service
	stop    context.CancelFunc
	ended   chan struct{} // closed when the camera is released
}

func newSession(a *Agent, nc *nats.Conn, v *supervisor) *session {
	return &session{Agent: a, nc: nc, supervisor: v}
}

// run serves the cameras of the configuration, or all that it finds, until ctx ends.
func (s *session) run(ctx context.Context, connected <-chan struct{}) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range s.cameras {
		if err := s.add(ctx, g, c); err != nil {
			return errors.Join(err, s.stop())
		}
	}
	if len(s.cameras) == 0 {
		g.Go(func() error { return s.findCameras(ctx, g) })
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
	s.sayStopped()
	return err
}

// add serves one more camera in g.
func (s *session) add(ctx context.Context, g *errgroup.Group, c *camera) error {
	c.connect(s.nc, s.space, s.cfg.Linger)
	svc, err := service.Serve(ctx, s.nc, s.space, c, s.log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	v := &served{c, svc, cancel, make(chan struct{})}
	s.mu.Lock()
	s.serving = append(s.serving, v)
	s.mu.Unlock()
	s.supervisor.watch(c)
	g.Go(func() error {
		defer close(v.ended)
		return c.run(ctx)
	})
	return nil
}

// remove stops serving the camera of this name and returns when it is released.
func (s *session) remove(name string) error {
	s.mu.Lock()
	i := slices.IndexFunc(s.serving, func(v *served) bool { return v.name == name })
	v := s.serving[i]
	s.serving = slices.Delete(s.serving, i, i+1)
	s.mu.Unlock()
	v.stop()
	<-v.ended
	s.supervisor.forget(v.camera)
	return v.service.Stop()
}

func (s *session) list() []*served {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.serving)
}

func (s *session) stop() error {
	var errs []error
	for _, v := range s.list() {
		v.stop()
		errs = append(errs, v.service.Stop())
	}
	return errors.Join(errs...)
}

// sayStopped tells hubs that the cameras are gone, so that they need not find out. It is a courtesy: without NATS it is left out.
func (s *session) sayStopped() {
	for _, c := range s.list() {
		if s.sayGone(c.camera) != nil {
			return
		}
	}
	_ = s.nc.FlushTimeout(500 * time.Millisecond)
}

func (s *session) sayGone(c *camera) error {
	c.setState(status.Stopped, "")
	data, err := json.Marshal(c.Status())
	if err != nil {
		return err
	}
	return s.nc.Publish(s.space.Status(c.name), data)
}

// mayServe asks for a camera of this name. The error says that another live agent answers, or that this one's credential is not for it.
func (a *Agent) mayServe(ctx context.Context, nc *nats.Conn, name string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	subj := a.space.Do(name, subject.Info)
	msg, err := nc.RequestWithContext(ctx, subj, nil)
	if a.denied.has(subj) {
		return fmt.Errorf("camera %s: the hub does not let this agent serve it: its credential is for other cameras: "+
			"name the camera as the hub does, or make another credential there with \"bramble-hub agent add NAME --cameras %s\"", name, name)
	}
	if err != nil || a.cfg.Takeover { // nobody there, or nobody who is alive
		return nil //nolint:nilerr // that is the answer hoped for
	}
	if text := msg.Header.Get(micro.ErrorHeader); text != "" {
		return fmt.Errorf("camera %s: an agent that serves it already answers with an error: %s: try again later",
			name, printable.Line(text, 200))
	}
	other, err := status.Decode(msg.Data)
	if err != nil {
		return fmt.Errorf("camera %s: something answers for it already, but not as an agent does: %w", name, err)
	}
	return &takenError{name, other}
}

// takenError says that another agent serves the camera.
type takenError struct {
	name string
	by   status.Status
}

func (e *takenError) Error() string {
	return fmt.Sprintf("camera %s is already served by an agent on host %s (since %s): give this camera another name, stop that agent, or start with --takeover",
		e.name, e.by.Host, e.by.Started.Local().Format(time.DateTime))
}
