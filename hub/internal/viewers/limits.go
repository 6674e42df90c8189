package viewers

import (
	"fmt"
	"net/http"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/netutil"
)

// Limits bound how many viewers there may be at a time, and how fast they come. 0 means no limit. A WebSocket counts as
// one viewer, and so does each of its slots.
type Limits struct {
	Viewers    int // in all
	PerAddress int // from a client's address; clients on this host are exempt
	PerCamera  int
	Rate       int // new HTTP connections per second; excess connections wait
}

// The limits, as the metric of rejected viewers names them.
const (
	LimitAll     = "all"
	LimitAddress = "address"
	LimitCamera  = "camera"
	LimitPending = "waiting" // connections without a request
	LimitIdle    = "idle"    // connections between two requests
)

// ErrRevoked says that the access of a viewer has ended.
var ErrRevoked error = problem.Kind{
	Text: "your session, token or link has ended, or what you may see has changed", Title: "Ended",
	Status: http.StatusForbidden,
}

// LimitError says that there are too many viewers.
type LimitError struct {
	Limit string
	text  string
}

// Error implements error.
func (e *LimitError) Error() string { return e.text }

// Problem implements problem.Describer.
func (e *LimitError) Problem() problem.Problem {
	status := http.StatusServiceUnavailable
	if e.Limit == LimitAddress {
		status = http.StatusTooManyRequests
	}
	return problem.Problem{Title: "Too many viewers", Status: status, RetryAfter: problem.RetrySeconds}
}

// admitLocked rejects a viewer beyond a limit, and counts it.
func (t *Tracker) admitLocked(v *Viewer) error {
	err := &LimitError{}
	switch m := t.limits; {
	case m.Viewers > 0 && len(t.all) >= m.Viewers:
		err.Limit = LimitAll
		err.text = fmt.Sprintf("there are %d viewers already, as many as max-viewers allows", m.Viewers)
	case m.PerAddress > 0 && !netutil.IsLoopback(v.address) && t.perAddress[netutil.AddressKey(v.address)] >= m.PerAddress:
		err.Limit = LimitAddress
		err.text = fmt.Sprintf("there are %d viewers from your address already, as many as "+
			"max-viewers-per-address allows", m.PerAddress)
	case m.PerCamera > 0 && v.camera != "" && t.perCamera[v.camera] >= m.PerCamera:
		err.Limit = LimitCamera
		err.text = fmt.Sprintf("camera %s has %d viewers already, as many as max-viewers-per-camera allows",
			v.camera, m.PerCamera)
	default:
		return nil
	}
	t.Reject(err.Limit, v.address)
	return err
}

// SetLimits changes the limits. Viewers that are there stay, even beyond the new limits.
func (t *Tracker) SetLimits(limits Limits) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits = limits
}

// Reject counts a client that a limit has rejected. One line per limit and minute is logged.
func (t *Tracker) Reject(limit, address string) {
	t.rejected.WithLabelValues(limit).Inc()
	if ok, suppressed := t.warnings.Allow(limit, time.Now()); ok {
		t.cfg.Log.Warn("turned away: too many viewers", "limit", limit, "address", address, "kept_back", suppressed)
	}
}
