package metrics

import "github.com/prometheus/client_golang/prometheus"

// Reasons of Refused that requests have.
const (
	RefusedBody    = "body"    // of a request, too large
	RefusedMessage = "message" // of a WebSocket, too large or not understood
)

// Refused counts what the hub refuses for its size, number or form and is neither frame nor viewer, by reason.
type Refused struct {
	vec       *prometheus.CounterVec
	desc      *prometheus.Desc
	elsewhere func() map[string]uint64
}

// NewRefused returns a Refused. elsewhere, if not nil, returns what others have counted so far, by other reasons.
func NewRefused(elsewhere func() map[string]uint64) *Refused {
	const name, label = "refused_total", "reason"
	const help = "What was refused for its size, number or form and is neither frame nor viewer, by reason."
	return &Refused{
		vec: NewCounterVec(name, help, label, RefusedBody, RefusedMessage), desc: Desc(name, help, label),
		elsewhere: elsewhere,
	}
}

// Inc counts one thing that was refused.
func (r *Refused) Inc(reason string) { r.vec.WithLabelValues(reason).Inc() }

// Describe implements prometheus.Collector.
func (r *Refused) Describe(ch chan<- *prometheus.Desc) { ch <- r.desc }

// Collect implements prometheus.Collector.
func (r *Refused) Collect(ch chan<- prometheus.Metric) {
	r.vec.Collect(ch)
	if r.elsewhere == nil {
		return
	}
	for reason, n := range r.elsewhere() {
		Counter(ch, r.desc, float64(n), reason)
	}
}
