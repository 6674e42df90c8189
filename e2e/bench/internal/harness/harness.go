//go:build linux

// Package harness starts the servers that are compared, gives them their cameras, and reads what they use.
package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// The server has one core to itself; cameras and viewers share the other one.
const (
	ServerCore    = 0
	GeneratorCore = 1
)

// The servers.
const (
	Baseline = "baseline"
	Bramble  = "bramble"
	Peer     = "peer"
)

// started bounds how long a server may take until it serves its cameras.
const started = 15 * time.Second

// Config says which programs are compared.
type Config struct {
	Self     string       // this program: with the argument "baseline" it is the baseline
	Hub      string       // a bramble-hub
	Agent    string       // a bramble-agent
	Broker   string       // a nats-server for the hub; empty if the hub's embedded one is measured with it
	PeerURL  string       // of a peer's stream, with %s for the kind; empty for no peer
	PeerShot string       // of a peer's snapshot; empty for none
	PeerCmd  string       // starts it, through sh
	PeerPull string       // address at which the peer finds the camera
	Guard    *Credentials // the hub's credentials file; nil for a hub without authentication
}

// Server is a running server that has cameras.
type Server struct {
	Name string
	Proc *proc.Process
	NATS string // the hub's

	credentials *Credentials  // nil for a hub without authentication
	broker      *proc.Process // nil unless the hub uses a NATS server of its own process
	Page        string        // URL of a hub, ends with a slash

	url     func(camera, kind string) string
	cancel  context.CancelFunc
	feeds   sync.WaitGroup
	stopped []func()

	mu    sync.Mutex
	fault error // of a feed; guarded by mu
}

// URL returns where a camera can be had as jpeg, mjpeg, mp4 or h264.
func (s *Server) URL(camera, kind string) string { return s.url(camera, kind) }

// Start starts a server on its core, with cameras. Stop it.
func (c Config) Start(ctx context.Context, name string, cameras ...*Camera) (*Server, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &Server{Name: name, cancel: cancel, credentials: c.Guard}
	start := map[string]func(context.Context, *Server, []*Camera) error{Baseline: c.startBaseline, Bramble: c.startHub,
		Peer: c.startPeer}[name]
	if err := start(ctx, s, cameras); err != nil {
		s.Stop()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// feed runs a camera until the server is stopped.
func (s *Server) feed(ctx context.Context, run func(context.Context) error) {
	s.feeds.Go(func() {
		if err := run(ctx); err != nil && ctx.Err() == nil {
			s.mu.Lock()
			s.fault = errors.Join(s.fault, err)
			s.mu.Unlock()
		}
	})
}

// OnStop hands the server something that is to be stopped before it.
func (s *Server) OnStop(stop func()) { s.stopped = append(s.stopped, stop) }

// Stop ends the cameras, then the server.
func (s *Server) Stop() {
	s.cancel()
	s.feeds.Wait()
	for i := len(s.stopped) - 1; i >= 0; i-- {
		s.stopped[i]()
	}
	for _, p := range []*proc.Process{s.Proc, s.broker} {
		if p != nil {
			p.Stop()
		}
	}
}

// Check returns an error if the server or one of its cameras has ended.
func (s *Server) Check() error {
	select {
	case <-s.Proc.Ended():
		said := s.Proc.Output()
		return fmt.Errorf("%s has ended:\n%s", s.Name, said[max(0, len(said)-2000):])
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return fmt.Errorf("a camera of %s has ended: %w", s.Name, s.fault)
	}
	return nil
}

func (c Config) startBaseline(ctx context.Context, s *Server, cameras []*Camera) error {
	err := proc.OnCore(ServerCore, func() (err error) {
		s.Proc, err = proc.Start(nil, c.Self, "baseline")
		return err
	})
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, started)
	defer cancel()
	if err := s.Proc.WaitOutput(wait, "\n"); err != nil {
		return err
	}
	var feeds, viewers string
	if _, err := fmt.Sscanf(s.Proc.Output(), "baseline %s %s", &feeds, &viewers); err != nil {
		return fmt.Errorf("%w: %s", err, s.Proc.Output())
	}
	s.url = func(camera, kind string) string { return "http://" + viewers + "/cam/" + camera + "." + kind }
	for _, cam := range cameras {
		s.feed(ctx, func(ctx context.Context) error { return cam.toBaseline(ctx, feeds) })
	}
	return nil
}

// HubOnly starts a hub without cameras, or another command of the hub program.
func (c Config) HubOnly(ctx context.Context, args ...string) (*Server, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &Server{Name: Bramble, cancel: cancel}
	if err := c.hub(ctx, s, args...); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (c Config) hub(ctx context.Context, s *Server, args ...string) error {
	start := func() (*proc.Hub, error) { return proc.StartHub(ctx, c.Hub, args...) }
	if c.Broker != "" && len(args) == 0 {
		url, err := c.startBroker(ctx, s)
		if err != nil {
			return err
		}
		start = func() (*proc.Hub, error) { return proc.StartHubAt(ctx, c.Hub, url) }
	}
	return proc.OnCore(ServerCore, func() error {
		h, err := start()
		if err != nil {
			return err
		}
		s.Proc, s.NATS, s.Page = h.Process, h.NATS, h.Page
		s.url = func(camera, kind string) string {
			return h.Page + "cam/" + camera + "." + kind + s.credentials.query(camera)
		}
		return nil
	})
}

// StartAgent starts an agent on the generator's core.
func (c Config) StartAgent(natsURL string, args ...string) (p *proc.Process, err error) {
	err = proc.OnCore(GeneratorCore, func() error {
		p, err = proc.Start(nil, c.Agent, append([]string{"--hub", natsURL}, args...)...)
		return err
	})
	return p, err
}

func (c Config) startHub(ctx context.Context, s *Server, cameras []*Camera) error {
	shown, args, err := c.Guard.issue(ctx, cameras)
	if err != nil {
		return err
	}
	if err := c.hub(ctx, s, args...); err != nil {
		return err
	}
	for _, cam := range cameras {
		nc, err := nats.Connect(s.NATS, shown...) // each as if on a board of its own
		if err != nil {
			return err
		}
		s.stopped = append(s.stopped, nc.Close)
		s.feed(ctx, func(ctx context.Context) error { return cam.Publish(ctx, nc) })
	}
	for _, cam := range cameras {
		if err := s.WaitKnown(ctx, cam.Name); err != nil {
			return err
		}
	}
	return nil
}

// WaitKnown waits until the hub knows a camera.
func (s *Server) WaitKnown(ctx context.Context, camera string) error {
	return s.waitAnswer(ctx, s.Page+"api/v1/cameras/"+camera)
}

// waitAnswer waits until a URL is answered with 200.
func (s *Server) waitAnswer(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, started)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		s.credentials.authenticate(req)
		last := ""
		resp, err := client.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // asked for its status only
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			last = resp.Status
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w, last answer %q: %w", url, context.Cause(ctx), last, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// startPeer starts the peer for its only camera.
func (c Config) startPeer(ctx context.Context, s *Server, cameras []*Camera) error {
	if len(cameras) != 1 {
		return errors.New("a peer has one camera")
	}
	s.url = func(_, kind string) string {
		if kind == "jpeg" {
			return c.PeerShot
		}
		return strings.ReplaceAll(c.PeerURL, "%s", kind)
	}
	w, err := serveWeb(ctx, c.PeerPull, cameras[0])
	if err != nil {
		return err
	}
	s.stopped = append(s.stopped, func() { _ = w.stop() }) // its peer is gone
	err = proc.OnCore(ServerCore, func() (err error) {
		s.Proc, err = proc.Start(os.Environ(), "sh", "-c", "exec "+c.PeerCmd)
		return err
	})
	if err != nil {
		return err
	}
	return listening(ctx, c.PeerURL)
}
