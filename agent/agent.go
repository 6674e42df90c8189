// Package agent runs on the host with the cameras. It publishes their frames to NATS while there are subscribers, and
// answers requests about them.
package agent

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/bramble-cam/bramble/agent/internal/publish"
	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/buildversion"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Agent serves the cameras of one host.
type Agent struct {
	cfg         Config
	log         *slog.Logger
	space       subject.Space
	base        status.Status // what the statuses of all cameras have in common
	cameras     []*camera     // those of the configuration; none if they are discovered
	permissions *permissions
	reloads     chan reload
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
		cfg.Version = buildversion.Default
	}
	space, err := subject.NewSpace(cfg.SubjectRoot)
	if err != nil {
		return nil, err
	}
	a := &Agent{
		cfg: cfg, log: cfg.Log, space: space, permissions: newPermissions(cfg.Log, space), reloads: make(chan reload),
	}
	a.base = status.Status{
		Instance: nuid.Next(), Started: time.Now().UTC(), Host: cfg.Host, Agent: cfg.Version,
		State: status.Idle, Since: time.Now().UTC(), Clock: status.Clock{Source: "arrival", Error: -1},
	}
	for _, c := range cfg.Cameras {
		cam, err := a.newCamera(c)
		if err != nil {
			return nil, err
		}
		a.cameras = append(a.cameras, cam)
	}
	return a, nil
}

// newCamera makes a camera of its name and source.
func (a *Agent) newCamera(c Camera) (*camera, error) {
	drops := &drop.Counters{}
	log := a.log.With(logkey.Camera, c.Name)
	src, err := sources().Parse(c.Name, c.Source, source.Env{Files: a.cfg.Files, Drops: drops, Log: log})
	if err != nil {
		return nil, fmt.Errorf("camera %s: %w", c.Name, err)
	}
	return newCamera(c.Name, src, drops, a.base, log), nil
}

// Run connects to NATS, which may take any time, and serves the cameras until ctx ends. It returns when all of them
// are released. The error says that another agent serves a camera of the same name, that the credential is not for a
// camera, or that the URL is wrong. Failures of cameras and of NATS are retried.
func (a *Agent) Run(ctx context.Context) error {
	connected := make(chan struct{}, 1)
	nc, err := publish.Dial(publish.ConnConfig{ //nolint:gosec // names of settings, no secrets
		URL: a.cfg.Hub, Name: "bramble-agent " + a.cfg.Host,
		Credential: a.cfg.Credential, Trust: a.cfg.Trust, Log: a.log,
		RefusedDelay: a.cfg.refusedDelay,
		NoCredential: "\"bramble-hub agent add NAME\" at the hub makes one, to be given with --credential-file",
		OnDenied:     a.permissions.denied,
		OnConnect: func() {
			select {
			case connected <- struct{}{}:
			default:
			}
		},
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
	w := &watchdog{}
	defer a.notifySystemd(ctx, w)()
	if err := a.waitConnected(ctx, nc, connected); err != nil {
		return nil //nolint:nilerr // ctx ended before there was anything to serve: an orderly stop
	}
	for _, c := range a.cameras {
		if err := a.checkConflict(ctx, nc, c.name); err != nil {
			return err
		}
	}
	return newCameraServer(a, nc, w).run(ctx, connected)
}

func (a *Agent) waitConnected(ctx context.Context, nc *nats.Conn, connected <-chan struct{}) error {
	if nc.IsConnected() {
		return nil
	}
	a.log.Info("waiting for NATS", "url", redact(a.cfg.Hub))
	remind := time.NewTicker(time.Minute)
	defer remind.Stop()
	for {
		select {
		case <-connected:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-remind.C:
			a.log.Warn("still waiting for NATS", "url", redact(a.cfg.Hub), logkey.Err, nc.LastError())
		}
	}
}
