package cameras

import (
	"maps"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/status"
)

// The limits, as the metric names them.
const (
	limitCameras  = "cameras"
	limitPerAgent = "cameras_per_agent"
)

// admitLocked reports whether the camera of a status document, which is not known yet, may become known. A refusal is
// counted and, once a minute, logged.
//
// The instance is self-reported. Without NATS credentials an agent can use a new one for each camera; then only
// MaxCameras bounds it.
func (r *Registry) admitLocked(s status.Status, now time.Time) bool {
	limit, most := "", 0
	var remedy error
	switch {
	case len(r.cameras) >= r.cfg.MaxCameras:
		limit, most = limitCameras, r.cfg.MaxCameras
		remedy = setting.Errorf("raise {max-cameras}; if somebody makes them up, give agents credentials with " +
			"\"bramble-hub agent add\". A camera that is away is forgotten after a day")
	case r.perAgent[s.Instance] >= r.cfg.MaxPerAgent:
		limit, most = limitPerAgent, r.cfg.MaxPerAgent
		remedy = setting.Errorf("look why this agent has so many, or raise {max-cameras-per-agent}")
	default:
		return true
	}
	r.refused[limit]++
	if ok, _ := r.limit.Allow(limit, now); ok {
		r.cfg.Log.Error("too many cameras: a further one is ignored", logkey.Camera, s.Camera, logkey.Host, s.Host,
			"limit", most, "ignored", r.refused[limit], "remedy", remedy)
	}
	return false
}

// Refusals returns how many status documents were ignored because there are too many cameras, by limit.
func (r *Registry) Refusals() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]uint64{limitCameras: 0, limitPerAgent: 0}
	maps.Copy(all, r.refused)
	return all
}
