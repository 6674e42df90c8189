package cameras

import (
	"time"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/status"
)

// admitLocked reports whether a camera that is not known yet may become known. s is its status. A refusal is counted,
// and logged once a minute.
//
// The instance is self-reported. Without NATS credentials an agent can use a new one for each camera. Then only
// MaxCameras bounds it.
func (r *Registry) admitLocked(s status.Status, now time.Time) bool {
	limit, most := "", 0
	var remedy error
	switch {
	case len(r.cameras) >= r.cfg.MaxCameras:
		limit, most = metrics.RefusedCameras, r.cfg.MaxCameras
		remedy = setting.Errorf("raise {max-cameras}; if they do not exist, give agents credentials with " +
			"\"bramble-hub agent add\", so that no other program can report cameras. " +
			"A camera that is away is forgotten after a day")
	case r.perAgent[s.Instance] >= r.cfg.MaxPerAgent:
		limit, most = metrics.RefusedCamerasPerAgent, r.cfg.MaxPerAgent
		remedy = setting.Errorf("find out why this agent has so many, or raise {max-cameras-per-agent}")
	default:
		return true
	}
	r.cfg.Refused.Inc(limit)
	if ok, _ := r.limit.Allow(limit, now); ok {
		r.cfg.Log.Error("too many cameras: a new one is ignored", logkey.Camera, s.Camera, logkey.Host, s.Host,
			"limit", most, "ignored", r.cfg.Refused.Count(limit), "remedy", remedy)
	}
	return false
}
