// Package cameras knows every camera of which the hub has had a status: its state, its streams and its subscriptions.
//
// How frames arrive, what is made of them, and who may see them do not belong here.
package cameras

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/shared/status"
)

const (
	// DefaultMaxCameras bounds how many cameras clients of NATS can make the hub remember.
	DefaultMaxCameras = 4096

	// DefaultMaxPerAgent bounds how many of them one faulty agent can report.
	DefaultMaxPerAgent = 256

	// forgetAfter is how long a camera that is gone stays in the list.
	forgetAfter = 24 * time.Hour

	tickInterval = 500 * time.Millisecond
)

// Errors of a request for a camera.
var (
	ErrUnknownCamera error = problem.Kind{Text: "unknown camera", Title: "Unknown camera", Status: http.StatusNotFound}
	ErrNotNative     error = problem.Kind{
		Text: "the camera does not deliver this format", Title: "Camera has changed",
		Status: http.StatusServiceUnavailable, RetryAfter: 1, Hint: "ask again",
	}
	ErrOffline error = problem.Kind{
		Text: "camera offline", Title: "Camera offline",
		Status: http.StatusServiceUnavailable, RetryAfter: problem.RetrySeconds,
	}
	errNoAnswer = errors.New("the agent does not answer")
)

// AgentClient is how the registry reaches agents. Its methods may be called from several goroutines.
type AgentClient interface {
	// SubscribeFrames appends the camera's frames to into until stop is called. A frame that was on its way may still
	// come after that.
	SubscribeFrames(camera string, into *stream.Stream) (stop func(), err error)

	// Wake asks the camera's agent to start it. It does not wait.
	Wake(camera string)

	// RequestKeyFrame asks the camera's agent for a key frame. It does not wait.
	RequestKeyFrame(camera string)

	// RequestStatus returns the camera's status from its agent. The error is ErrNoAgent only if NATS says that no agent
	// serves the camera.
	RequestStatus(ctx context.Context, camera string) (status.Status, error)

	// Connected reports whether NATS can be reached.
	Connected() bool

	// OverloadReason tells an operator why frames beyond the limits of a camera are dropped, and what to do.
	OverloadReason() string
}

// ErrNoAgent says that no agent serves a camera.
var ErrNoAgent = errors.New("no agent serves this camera")

// RefusedError says that an agent refused a request.
type RefusedError struct {
	Code   int    // as in HTTP: 400: not possible; 501: not with this camera; 500: it failed
	Reason string // the agent's words
}

func (e *RefusedError) Error() string { return e.Reason }

// Config is what a Registry needs.
type Config struct {
	Agents AgentClient
	Linger time.Duration // how long a stream stays subscribed after its last viewer; default 10 s
	Stream stream.Config // bounds of each ring; Tracks is ignored

	MaxCameras  int // how many there may be; 0 means DefaultMaxCameras
	MaxPerAgent int // how many of them one run of an agent may bring; 0 means DefaultMaxPerAgent

	Refused metrics.Refused // where to count what is refused
	Log     *slog.Logger
}

// Registry holds the cameras.
type Registry struct {
	cfg Config

	mu       sync.Mutex
	cameras  map[string]*Camera
	perAgent map[string]int    // how many of them each run of an agent has reported, by its instance
	limit    *loglimit.Limiter // of lines about refusals
}

// New returns an empty Registry.
func New(cfg Config) *Registry {
	if cfg.Linger <= 0 {
		cfg.Linger = 10 * time.Second
	}
	if cfg.MaxCameras <= 0 {
		cfg.MaxCameras = DefaultMaxCameras
	}
	if cfg.MaxPerAgent <= 0 {
		cfg.MaxPerAgent = DefaultMaxPerAgent
	}
	cfg.Refused = cfg.Refused.OrNew()
	return &Registry{
		cfg: cfg, cameras: make(map[string]*Camera), perAgent: make(map[string]int),
		limit: loglimit.New(loglimit.Notices()),
	}
}

// Run checks agents that are silent and ends streams without subscribers. When ctx ends, it ends all streams and
// returns.
func (r *Registry) Run(ctx context.Context) error {
	tick := time.NewTicker(tickInterval)
	defer tick.Stop()
	var checks sync.WaitGroup
	defer func() {
		checks.Wait()
		for _, c := range r.Cameras() {
			c.close()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			connected := r.cfg.Agents.Connected()
			for _, c := range r.Cameras() {
				if c.tick(now, connected) {
					checks.Go(func() { c.check(ctx) })
				}
			}
			r.forget(now)
		}
	}
}

// OnStatus updates a camera from a status, whether the agent published it or the hub asked for it.
func (r *Registry) OnStatus(s status.Status) {
	r.mu.Lock()
	c := r.cameras[s.Camera]
	if c == nil {
		if !r.admitLocked(s, time.Now()) {
			r.mu.Unlock()
			return
		}
		c = newCamera(s, r.cfg)
		r.cameras[s.Camera] = c
		r.perAgent[c.instance]++
		r.cfg.Log.Info("camera found", logkey.Camera, s.Camera, logkey.Host, s.Host, "format", s.Format, "state", s.State)
	}
	r.mu.Unlock()
	c.onStatus(s, time.Now())
}

// OnReconnect tells every camera that the hub has reached NATS again.
func (r *Registry) OnReconnect() {
	for _, c := range r.Cameras() {
		c.onReconnect()
	}
}

// Camera returns the camera named id, or ErrUnknownCamera.
func (r *Registry) Camera(id string) (*Camera, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.cameras[id]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("%w %q", ErrUnknownCamera, id)
}

// Cameras returns all cameras, sorted by id.
func (r *Registry) Cameras() []*Camera {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Collect(maps.Values(r.cameras))
	slices.SortFunc(list, func(a, b *Camera) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return list
}

func (r *Registry) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, c := range r.cameras {
		if c.forgettable(now) {
			delete(r.cameras, id)
			if r.perAgent[c.instance]--; r.perAgent[c.instance] <= 0 {
				delete(r.perAgent, c.instance)
			}
			r.cfg.Log.Info("camera forgotten", logkey.Camera, id)
		}
	}
}
