package cameras

import (
	"fmt"
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
	status.Status // as the agent reported; State, Reason and Since are the hub's view

	LastStatus time.Time      // when the agent was last heard
	Viewers    int            // HTTP viewers at this hub
	Watched    bool           // this hub is subscribed to the camera's frames
	Received   time.Time      // when the newest frame arrived here; zero if the ring is empty
	Captured   time.Time      // when that frame was captured, on the agent's clock
	FPS        float64        // as received here while subscribed, else as the agent reports
	Bitrate    int64          // bits per second, from the same source as FPS
	Stream     *stream.Stream // for its counters
}

// Info returns the camera's state now.
func (c *Camera) Info() Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	i := Info{
		Status: c.status, LastStatus: c.lastStatus, Viewers: c.native.viewers + c.derivedViewers,
		Watched: c.native.stop != nil, Stream: c.native.stream,
	}
	i.FPS, i.Bitrate = c.status.FPS, c.status.Bitrate
	if i.Watched {
		i.Received, i.Captured, _ = c.native.stream.LastFrameTimes()
		if fps, bps := c.native.stream.Rate(); fps > 0 {
			i.FPS, i.Bitrate = fps, int64(bps)
		}
	}
	switch {
	case c.offline != nil:
		i.State, i.Reason, i.Since = Offline, c.offline.Error(), c.since
		i.FPS, i.Bitrate = 0, 0
	case c.conflictLocked(now):
		i.State, i.Since = Conflict, c.secondSince
		i.Reason = fmt.Sprintf("agents on hosts %s and %s both serve this camera: the one started last is shown; "+
			"stop the other or rename its camera", c.status.Host, c.secondAgent.Host)
	case !c.cfg.Agents.Connected():
		i.State, i.Reason = Offline, "this hub has no connection to NATS"
	default:
		if since, ok := c.native.stream.RateLimitedSince(now); ok {
			i.State, i.Since, i.Reason = status.Degraded, since, c.cfg.Agents.OverloadReason()
		}
	}
	return i
}

// logOverloadLocked logs when more frames begin to come than are taken, and when that is over.
func (c *Camera) logOverloadLocked(now time.Time) {
	since, overloaded := c.native.stream.RateLimitedSince(now)
	switch {
	case overloaded && !c.overloaded:
		c.cfg.Log.Warn("camera exceeds the limits",
			logkey.Camera, c.id, logkey.Host, c.status.Host, logkey.Reason, c.cfg.Agents.OverloadReason())
	case !overloaded && c.overloaded:
		c.cfg.Log.Info("camera is within the limits again",
			logkey.Camera, c.id, "since", since, "dropped", c.native.stream.Drops.Get(drop.Flood))
	}
	c.overloaded = overloaded
}
