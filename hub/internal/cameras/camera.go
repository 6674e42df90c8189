package cameras

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

const (
	// silence is how long a watched camera may send no frame before its agent is asked what is the matter.
	silence = 1500 * time.Millisecond

	// unheard is how long an agent may publish no status before it is asked.
	unheard = status.Interval + 1500*time.Millisecond

	// askTimeout and maxMisses bound how long an agent may stay silent on being asked before its camera is offline.
	askTimeout = time.Second
	maxMisses  = 2

	// conflictTime is how long after the last word of a second agent its camera counts as contested.
	conflictTime = 2*status.Interval + time.Second
)

// Camera is one camera as the hub sees it.
type Camera struct {
	id        string
	broughtBy string // instance of the agent of which the camera was first heard
	cfg       Config

	mu       sync.Mutex
	status   status.Status // the newest word of the agent that is followed
	heard    time.Time     // when the agent was last heard
	offline  error         // why the camera cannot be reached; nil if it can
	since    time.Time     // since when offline
	misses   int
	checking bool
	wokenAt  time.Time
	rejoined time.Time // when the hub's connection came back
	feed     *feed     // the stream in the camera's native format; never nil
	beside   int       // viewers of renditions
	flooded  bool      // more frames come than are taken; said in the log

	// A second agent, which is not followed.
	rival      status.Status // its newest word
	rivalAt    time.Time     // when that was heard
	rivalSince time.Time     // since when it is heard
}

// feed is one stream, subscribed while it has holders and for the linger time after. Guarded by the camera's mu.
type feed struct {
	stream  *stream.Stream
	stop    func()    // nil while not subscribed
	viewers int       // sources included
	sources int       // those who make renditions of it
	usedAt  time.Time // when it was last held
}

func newCamera(s status.Status, cfg Config) *Camera {
	c := &Camera{id: s.Camera, broughtBy: s.Instance, cfg: cfg, status: s}
	c.feed = c.newFeed(s.Format)
	return c
}

func (c *Camera) newFeed(f frame.Format) *feed {
	cfg := c.cfg.Stream
	cfg.Format = f
	return &feed{stream: stream.New(cfg)}
}

// ID returns the camera's id.
func (c *Camera) ID() string { return c.id }

// observe takes in what an agent says of the camera.
func (c *Camera) observe(s status.Status, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Instance != c.status.Instance && !c.heard.IsZero() {
		alive := c.offline == nil && now.Sub(c.heard) < conflictTime
		if alive && !s.Started.After(c.status.Started) { // an older agent beside the one that is followed
			c.observeRivalLocked(s, now)
			return
		}
		if s.Instance == c.rival.Instance {
			c.rivalAt = time.Time{} // it is the one that is followed now
		}
	}
	if s.State == status.Stopped {
		c.setOfflineLocked(errors.New("the agent was stopped"), now)
	} else {
		c.setOnlineLocked()
	}
	c.heard, c.misses = now, 0
	if s.Format != c.status.Format {
		c.replaceFeedLocked(s.Format)
	}
	c.status = s
}

func (c *Camera) observeRivalLocked(s status.Status, now time.Time) {
	switch {
	case s.State != status.Stopped:
		if s.Instance != c.rival.Instance || now.Sub(c.rivalAt) >= conflictTime {
			c.rivalSince = now
		}
		c.rival, c.rivalAt = s, now
	case s.Instance == c.rival.Instance:
		c.rivalAt = time.Time{}
	}
}

// contestedLocked reports whether two agents serve the camera. Both must have been heard in turn: after a restart with a clock that went back, the new run
// looks like an older agent until the former one has been silent for long.
func (c *Camera) contestedLocked(now time.Time) bool {
	return now.Sub(c.rivalAt) < conflictTime && c.heard.After(c.rivalSince)
}

// replaceFeedLocked ends the stream of a format that the camera delivers no longer.
func (c *Camera) replaceFeedLocked(f frame.Format) {
	old := c.feed
	old.stream.CloseWithError(fmt.Errorf("%w: it now delivers %s", ErrNotNative, f))
	if old.stop != nil {
		old.stop()
		old.stop = nil
	}
	c.feed = c.newFeed(f)
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
		c.wakeLocked(time.Now()) // its viewers wait
	}
}

// tick ends the stream if nobody has used it for the linger time, wakes the camera if viewers wait in vain, and reports true if its agent
// should be asked how it is.
func (c *Camera) tick(now time.Time, connected bool) (ask bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.feed
	c.tellFloodLocked(now)
	if f.stop != nil && f.viewers == 0 && now.Sub(f.usedAt) >= c.cfg.Linger {
		c.closeLocked()
	}
	back := now.Sub(c.rejoined) >= silence // agents may need longer to come back than the hub
	if !connected || !back || c.checking || c.offline != nil {
		return false
	}
	last, _, some := f.stream.LastFrameTimes()
	mute := f.stop != nil && (!some || now.Sub(last) > silence) && now.Sub(c.wokenAt) > silence
	if mute {
		c.wakeLocked(now)
	}
	c.checking = mute || now.Sub(c.heard) > unheard
	return c.checking
}

// check asks the camera's agent how it is.
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
		c.observe(s, now)
		return
	case errors.As(err, &refused) && refused.Code == http.StatusTooManyRequests: // busy, but online
		c.heard, c.misses = now, 0
	case errors.Is(err, ErrNoAgent):
		c.setOfflineLocked(ErrNoAgent, now)
	case ctx.Err() == nil && c.cfg.Agents.Connected(): // else it is the hub that has gone
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
	return c.offline != nil && c.feed.viewers == 0 && c.feed.stop == nil && now.Sub(c.since) > forgetAfter
}

// rewake asks for frames again after the hub's connection was lost.
func (c *Camera) rewake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rejoined = time.Now()
	c.wakeLocked(c.rejoined)
}

func (c *Camera) wakeLocked(now time.Time) {
	if c.feed.stop != nil {
		c.wokenAt = now
		c.cfg.Agents.Wake(c.id)
	}
}

func (c *Camera) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked()
}

// closeLocked unsubscribes from the frames. What the ring holds is old from now on.
func (c *Camera) closeLocked() {
	if c.feed.stop != nil {
		c.feed.stop()
		c.feed.stop = nil
		c.feed.stream.Reset()
	}
}
