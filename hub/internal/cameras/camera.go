package cameras

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/fanout"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

const (
	// frameTimeout is how long a subscribed camera may send no frame before its agent is asked for its status.
	frameTimeout = 1500 * time.Millisecond

	// statusTimeout is how long an agent may publish no status before it is asked for it.
	statusTimeout = status.Interval + 1500*time.Millisecond

	// askTimeout is how long an agent may take to answer. After maxMisses requests without an answer its camera is
	// offline.
	askTimeout = time.Second
	maxMisses  = 2

	// conflictTime is how long after the last status of a second agent its camera is in conflict.
	conflictTime = 2*status.Interval + time.Second

	// keyFrameInterval is the least time between two requests for a key frame: each costs the camera bandwidth.
	keyFrameInterval = time.Second
)

// Camera is one camera as the hub sees it.
type Camera struct {
	id       string
	instance string // of the agent that first reported the camera
	cfg      Config

	mu             sync.Mutex
	status         status.Status // the newest of the agent that is followed
	lastStatus     time.Time     // when that agent's last status came
	offline        error         // why the camera cannot be reached; nil if it can
	since          time.Time     // since when offline
	misses         int           // requests for the status that had no answer
	checking       bool
	wokenAt        time.Time
	keyFrameAt     time.Time // when a key frame was last requested
	reconnected    time.Time // when the hub's connection came back
	native         *native   // the stream that the camera delivers; never nil
	derivedViewers int       // viewers of streams that are made of it
	overloaded     bool      // an overload was logged, and its end was not

	// A second agent, which is not followed.
	secondAgent status.Status // its newest status
	secondHeard time.Time     // when that came
	secondSince time.Time     // when its first one came
}

// native is the stream that a camera delivers. The hub subscribes to its frames while it has subscribers, and for the
// linger time after. The fields are guarded by the camera's mu.
type native struct {
	stream      *stream.Stream
	fanout      *fanout.Group
	stop        func()    // nil while not subscribed
	subscribers int       // all of them
	viewers     int       // those that are viewers
	lastUsed    time.Time // when it last had a subscriber
}

func newCamera(s status.Status, cfg Config) *Camera {
	c := &Camera{id: s.Camera, instance: s.Instance, cfg: cfg, status: s}
	c.native = c.newNative(s.Format)
	return c
}

func (c *Camera) newNative(f frame.Format) *native {
	cfg := c.cfg.Stream
	cfg.Tracks = media.VideoTracks(media.Codec(f))
	s := stream.New(cfg)
	return &native{stream: s, fanout: fanout.New(s)}
}

// ID returns the camera's id.
func (c *Camera) ID() string { return c.id }

// onStatus updates the camera from an agent's status.
func (c *Camera) onStatus(s status.Status, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Instance != c.status.Instance && !c.lastStatus.IsZero() {
		alive := c.offline == nil && now.Sub(c.lastStatus) < conflictTime
		if alive && !s.Started.After(c.status.Started) { // an older agent beside the one that is followed
			c.onSecondAgentLocked(s, now)
			return
		}
		if s.Instance == c.secondAgent.Instance {
			c.secondHeard = time.Time{} // it is the one that is followed now
		}
	}
	if s.State == status.Stopped {
		c.setOfflineLocked(errors.New("the agent was stopped"), now)
	} else {
		c.setOnlineLocked()
	}
	c.lastStatus, c.misses = now, 0
	if s.Format != c.status.Format {
		c.replaceNativeLocked(s.Format)
	}
	c.status = s
}

func (c *Camera) onSecondAgentLocked(s status.Status, now time.Time) {
	switch {
	case s.State != status.Stopped:
		if s.Instance != c.secondAgent.Instance || now.Sub(c.secondHeard) >= conflictTime {
			c.secondSince = now
		}
		c.secondAgent, c.secondHeard = s, now
	case s.Instance == c.secondAgent.Instance:
		c.secondHeard = time.Time{}
	}
}

// conflictLocked reports whether two agents serve the camera. The followed agent must have sent a status after the
// second one appeared: after a restart with a clock that went back, the new run looks like a second agent for a while.
func (c *Camera) conflictLocked(now time.Time) bool {
	return now.Sub(c.secondHeard) < conflictTime && c.lastStatus.After(c.secondSince)
}

// replaceNativeLocked ends the stream, because the camera now delivers another format.
func (c *Camera) replaceNativeLocked(f frame.Format) {
	old := c.native
	old.stream.CloseWithError(fmt.Errorf("%w: it now delivers %s", ErrNotNative, f))
	if old.stop != nil {
		old.stop()
		old.stop = nil
	}
	c.native = c.newNative(f)
}

func (c *Camera) setOfflineLocked(why error, now time.Time) {
	if c.offline == nil {
		c.since = now
		c.cfg.Log.Warn("camera offline", logkey.Camera, c.id, logkey.Host, c.status.Host, logkey.Reason, why)
	}
	c.offline = why
}

func (c *Camera) setOnlineLocked() {
	if c.offline != nil {
		c.cfg.Log.Info("camera online", logkey.Camera, c.id)
		c.offline = nil
		c.wakeLocked(time.Now()) // viewers wait for frames
	}
}

// tick ends the stream if it had no subscriber for the linger time. It wakes the camera if no frames come. It reports
// whether the caller must call check.
func (c *Camera) tick(now time.Time, connected bool) (ask bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.native
	c.logOverloadLocked(now)
	if n.stop != nil && n.subscribers == 0 && now.Sub(n.lastUsed) >= c.cfg.Linger {
		c.closeLocked()
	}
	back := now.Sub(c.reconnected) >= frameTimeout // agents may need longer to come back than the hub
	if !connected || !back || c.checking || c.offline != nil {
		return false
	}
	last, _, some := n.stream.LastFrameTimes()
	mute := n.stop != nil && (!some || now.Sub(last) > frameTimeout) && now.Sub(c.wokenAt) > frameTimeout
	if mute {
		c.wakeLocked(now)
	}
	c.checking = mute || now.Sub(c.lastStatus) > statusTimeout
	return c.checking
}

// check asks the camera's agent for its status and updates the camera.
func (c *Camera) check(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	s, err := c.cfg.Agents.RequestStatus(asking, c.id)
	now := time.Now()
	c.mu.Lock()
	c.checking = false
	var refused *RefusedError
	switch {
	case err == nil:
		c.mu.Unlock()
		c.onStatus(s, now)
		return
	case errors.As(err, &refused) && refused.Code == http.StatusTooManyRequests: // busy, but online
		c.lastStatus, c.misses = now, 0
	case errors.Is(err, ErrNoAgent):
		c.setOfflineLocked(ErrNoAgent, now)
	case ctx.Err() == nil && c.cfg.Agents.Connected(): // else the hub itself is disconnected
		if c.misses++; c.misses >= maxMisses {
			if errors.Is(err, context.DeadlineExceeded) {
				err = errNoAnswer
			}
			c.setOfflineLocked(err, now)
		}
	}
	c.mu.Unlock()
}

func (c *Camera) forgettable(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offline != nil && c.native.subscribers == 0 && c.native.stop == nil && now.Sub(c.since) > forgetAfter
}

// onReconnect asks for frames again after the hub's connection was lost.
func (c *Camera) onReconnect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reconnected = time.Now()
	c.wakeLocked(c.reconnected)
}

func (c *Camera) wakeLocked(now time.Time) {
	if c.native.stop != nil {
		c.wokenAt, c.keyFrameAt = now, now // an agent that wakes up sends a key frame
		c.cfg.Agents.Wake(c.id)
	}
}

// requestKeyFrame asks the camera's agent for a key frame, at most once per keyFrameInterval. It does nothing while the
// hub is not subscribed.
func (c *Camera) requestKeyFrame() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.native.stop == nil || now.Sub(c.keyFrameAt) < keyFrameInterval {
		return
	}
	c.keyFrameAt = now
	c.cfg.Agents.RequestKeyFrame(c.id)
}

func (c *Camera) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked()
}

// closeLocked unsubscribes from the frames. What the ring holds is old from now on.
func (c *Camera) closeLocked() {
	if c.native.stop != nil {
		c.native.stop()
		c.native.stop = nil
		c.native.stream.Reset()
	}
}
