package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Reasons of Refused.
const (
	RefusedBody            = "body"              // the body of a request is too large
	RefusedMessage         = "message"           // a message of a WebSocket is too large or invalid
	RefusedStatus          = "status"            // an agent's status is too large or invalid
	RefusedStatusRate      = "status_flood"      // an agent sends too many status documents
	RefusedInfo            = "info"              // an answer to discovery is too large or invalid
	RefusedAnswer          = "answer"            // an agent's answer to a request is invalid
	RefusedCameras         = "cameras"           // there are too many cameras
	RefusedCamerasPerAgent = "cameras_per_agent" // an agent has too many cameras
	RefusedHub             = "hub"               // messages of other hubs are too many or not authenticated
)

// Refused counts, by reason, what the hub refuses for its size, number or form. Frames and viewers have their own
// counters.
type Refused struct{ *prometheus.CounterVec }

// NewRefused returns a Refused.
func NewRefused() Refused {
	return Refused{NewCounterVec("refused_total",
		"Requests, messages and documents refused for their size, number or form, by reason.", "reason",
		RefusedBody, RefusedMessage, RefusedStatus, RefusedStatusRate, RefusedInfo, RefusedAnswer,
		RefusedCameras, RefusedCamerasPerAgent, RefusedHub)}
}

// OrNew returns r, or a new Refused for the zero value.
func (r Refused) OrNew() Refused {
	if r.CounterVec == nil {
		return NewRefused()
	}
	return r
}

// Inc counts one refusal.
func (r Refused) Inc(reason string) { r.WithLabelValues(reason).Inc() }

// Count returns how many were refused for a reason.
func (r Refused) Count(reason string) int { return Value(r.WithLabelValues(reason)) }

// Value returns the value of a counter.
func Value(c prometheus.Counter) int {
	var m dto.Metric
	_ = c.Write(&m) // fails only for invalid labels
	return int(m.GetCounter().GetValue())
}
