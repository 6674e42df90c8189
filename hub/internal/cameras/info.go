package cameras

import (
	"fmt"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/status"
)

// States that a hub adds to those an agent reports.
const (
	Offline  status.State = "offline"  // the agent cannot be reached
	Conflict status.State = "conflict" // two agents serve this camera id
)

// Info is a camera's state at one moment.
type Info struct {
	status.Status // as the agent told; State, Reason and Since are the hub's view

	LastStatus time.Time      // when the agent was last heard
	Viewers    int            // HTTP viewers at this hub
	Watched    bool           // this hub is subscribed to the camera's frames
	Received   time.Time      // when the newest frame arrived here; zero if the ring is empty
	Captured   time.Time      // when that frame was captured, on the agent's clock
	FPS        float64        // as received here while watched, else as the agent tells
	Bitrate    int64          // bits per second, likewise
	Stream     *stream.Stream // for its counters
}

// Info returns the camera's state now.
func (c *Camera) Info() Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	i := Info{Status: c.status, LastStatus: c.heard, Viewers: c.feed.viewers - c.feed.sources + c.beside, Watched: c.feed.stop != nil, Stream: c.feed.stream}
	i.FPS, i.Bitrate = c.status.FPS, c.status.Bitrate
	if i.Watched {
		i.Received, i.Captured, _ = c.feed.stream.LastFrameTimes()
		if fps, bps := c.feed.stream.Rate(); fps > 0 {
			i.FPS, i.Bitrate = fps, int64(bps)
		}
	}
	switch {
	case c.offline != nil:
		i.State, i.Reason, i.Since = Offline, c.offline.Error(), c.since
		i.FPS, i.Bitrate = 0, 0
	case c.contestedLocked(now):
		i.State, i.Since = Conflict, c.rivalSince
		i.Reason = fmt.Sprintf("agents on hosts %s and %s both serve this camera: the one started last is shown; stop the other or rename its camera",
			c.status.Host, c.rival.Host)
	case !c.cfg.Agents.Connected():
		i.State, i.Reason = Offline, "this hub has no connection to NATS"
	default:
		if since, ok := c.feed.stream.RateLimitedSince(now); ok {
			i.State, i.Since, i.Reason = status.Degraded, since, c.floodReason()
		}
	}
	return i
}

func (c *Camera) floodReason() string {
	var limits, flags []string
	if c.cfg.MaxFPS > 0 {
		limits, flags = append(limits, fmt.Sprintf("%d frames", c.cfg.MaxFPS)), append(flags, "--max-fps")
	}
	if c.cfg.MaxBandwidth > 0 {
		limits, flags = append(limits, fmt.Sprintf("%d MB", c.cfg.MaxBandwidth)), append(flags, "--max-bandwidth")
	}
	return fmt.Sprintf("its agent sends more than %s a second, and what is beyond that is dropped: lower its fps or quality, or raise %s at this hub",
		strings.Join(limits, " or "), strings.Join(flags, " or "))
}

// tellFloodLocked logs when more frames begin to come than are taken, and when that is over.
func (c *Camera) tellFloodLocked(now time.Time) {
	since, flooded := c.feed.stream.RateLimitedSince(now)
	switch {
	case flooded && !c.flooded:
		c.cfg.Log.Warn("camera floods", logkey.Camera, c.id, logkey.Host, c.status.Host, logkey.Reason, c.floodReason())
	case !flooded && c.flooded:
		c.cfg.Log.Info("camera floods no longer", logkey.Camera, c.id, "since", since, "dropped", c.feed.stream.Drops.Get(drop.Flood))
	}
	c.flooded = flooded
}
