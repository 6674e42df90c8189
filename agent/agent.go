// Package agent is the program that stands beside the cameras: it publishes their frames to NATS while somebody wants them, and
// answers for them.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"golang.org/x/sync/errgroup"

	"github.com/bramble-cam/bramble/agent/internal/capture"
	"github.com/bramble-cam/bramble/agent/internal/control"
	"github.com/bramble-cam/bramble/agent/internal/publish"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/logkey"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Agent serves the cameras of one host.
type Agent struct {
	cfg     Config
	log     *slog.Logger
	space   subject.Space
	cameras []*camera
}

// New checks cfg and prepares the cameras. It opens and starts nothing.
func New(cfg Config) (*Agent, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Host == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("the host's name: %w", err)
		}
		cfg.Host = host
	}
	if cfg.Version == "" {
		cfg.Version = "0.0.0-dev"
	}
	space, err := subject.NewSpace(cfg.SubjectRoot)
	if err != nil {
		return nil, err
	}
	a := &Agent{cfg: cfg, log: cfg.Log, space: space}
	base := status.Status{
		Instance: nuid.Next(), Started: time.Now().UTC(), Host: cfg.Host, Agent: cfg.Version,
		State: status.Idle, Since: time.Now().UTC(), Clock: status.Clock{Source: "arrival", Error: -1},
	}
	for _, c := range cfg.Cameras {
		drops := &drop.Counters{}
		log := a.log.With(logkey.Camera, c.Name)
		src, err := capture.Parse(c.Name, c.Source, capture.Env{Files: cfg.Files, Drops: drops, Log: log})
		if err != nil {
			return nil, fmt.Errorf("camera %s: %w", c.Name, err)
		}
		a.cameras = append(a.cameras, newCamera(c.Name, src, drops, base, log))
	}
	return a, nil
}

// Run connects to NATS, waiting for it if need be, and serves the cameras until ctx ends. It returns when all of them are released. The error says
// that a camera of the same name lives elsewhere, or that the URL is wrong; trouble with cameras or with NATS is waited out.
func (a *Agent) Run(ctx context.Context) error {
	connected := make(chan struct{}, 1)
	nc, err := publish.Dial(a.cfg.Hub, "bramble-agent "+a.cfg.Host, a.log, func() {
		select {
		case connected <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	closed := make(chan struct{})
	nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	defer func() {
		nc.Close()
		<-closed
	}()
	if err := a.waitConnected(ctx, nc, connected); err != nil {
		return nil //nolint:nilerr // ctx ended before there was anything to serve: a stop in good order
	}
	if !a.cfg.Takeover {
		if err := a.refuseDuplicates(ctx, nc); err != nil {
			return err
		}
	}
	return a.serve(ctx, nc, connected)
}

func (a *Agent) waitConnected(ctx context.Context, nc *nats.Conn, connected <-chan struct{}) error {
	if nc.IsConnected() {
		return nil
	}
	a.log.Info("waiting for NATS", "url", redact(a.cfg.Hub))
	again := time.NewTicker(time.Minute)
	defer again.Stop()
	for {
		select {
		case <-connected:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C: // nats.go reports a refusal by a server that it has reached only here
			a.log.Warn("still waiting for NATS", "url", redact(a.cfg.Hub), logkey.Err, nc.LastError())
		}
	}
}

// refuseDuplicates asks for every camera whether another live agent answers for it.
func (a *Agent) refuseDuplicates(ctx context.Context, nc *nats.Conn) error {
	for _, c := range a.cameras {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		msg, err := nc.RequestWithContext(ctx, a.space.Do(c.name, subject.Info), nil)
		cancel()
		if err != nil { // nobody there, or nobody who is alive
			continue
		}
		other, err := status.Decode(msg.Data)
		if err != nil {
			return fmt.Errorf("camera %s: something answers for it already, but not as an agent does: %w", c.name, err)
		}
		return fmt.Errorf("camera %s is already served by an agent on host %s (since %s): give this camera another name, stop that agent, or start with --takeover",
			c.name, other.Host, other.Started.Local().Format(time.DateTime))
	}
	return nil
}

func (a *Agent) serve(ctx context.Context, nc *nats.Conn, connected <-chan struct{}) error {
	g, ctx := errgroup.WithContext(ctx)
	var services []*control.Service
	for _, c := range a.cameras {
		c.connect(nc, a.space, a.cfg.Linger)
		svc, err := control.Serve(ctx, nc, a.space, c, a.log)
		if err != nil {
			return errors.Join(err, stop(services))
		}
		services = append(services, svc)
	}
	for _, c := range a.cameras {
		g.Go(func() error { return c.run(ctx) })
	}
	a.log.Info("serving", "cameras", len(a.cameras))
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-connected:
				for _, c := range a.cameras {
					c.reconnected()
				}
			}
		}
	})
	err := g.Wait()
	err = errors.Join(err, stop(services))
	a.sayStopped(nc)
	return err
}

// sayStopped tells hubs that the cameras are gone, so that they need not find out. It is a courtesy: without NATS it is left out.
func (a *Agent) sayStopped(nc *nats.Conn) {
	for _, c := range a.cameras {
		c.setState(status.Stopped, "")
		data, err := json.Marshal(c.Status())
		if err == nil {
			err = nc.Publish(a.space.Status(c.name), data)
		}
		if err != nil {
			return
		}
	}
	_ = nc.FlushTimeout(500 * time.Millisecond)
}

func stop(services []*control.Service) error {
	var errs []error
	for _, s := range services {
		errs = append(errs, s.Stop())
	}
	return errors.Join(errs...)
}
