package viewers

import (
	"errors"
	"os"

	"github.com/prometheus/client_golang/prometheus"
)

// Why the hub ends a viewer's stream, as the metric of evicted viewers names it.
const (
	evictedRevoked   = "revoked" // ErrRevoked
	evictedFault     = "fault"   // a panic
	evictedPreempted = "share"   // Config.Preempted
)

const namespace = "bramble_hub"

func (t *Tracker) makeMetrics() {
	const rejected, evicted = "viewers_refused_total", "viewers_evicted_total"
	const evictedHelp = "Viewers whose stream the hub ended for another reason: revoked (access was revoked), " +
		"fault (a bug), share (their transcode gave way to a principal with fewer)."
	t.rejected = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: rejected,
		Help: "Viewers refused because there were too many, by limit: all, address, camera; " +
			"waiting: connections without a request; idle: connections between two requests.",
	}, []string{"limit"})
	for _, limit := range []string{LimitAll, LimitAddress, LimitCamera, LimitPending, LimitIdle} {
		t.rejected.WithLabelValues(limit) // present from the start, so that rates can be computed
	}
	t.evicted = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: evicted, Help: evictedHelp,
	}, []string{"reason"})
	for _, reason := range []string{evictedRevoked, evictedFault} {
		t.evicted.WithLabelValues(reason)
	}
	t.timeouts = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Name: "viewers_stalled_total",
		Help: "Viewers and WebSockets disconnected because a write to them took longer than write-timeout.",
	})
	t.evictions = prometheus.NewDesc(namespace+"_"+evicted, evictedHelp, []string{"reason"}, nil)
	t.byCamera = prometheus.NewDesc(namespace+"_viewers",
		"Viewers now, by what they get: HTTP responses and slots of WebSockets.", []string{"camera", "format"}, nil)
}

// Describe implements prometheus.Collector.
func (t *Tracker) Describe(ch chan<- *prometheus.Desc) {
	t.rejected.Describe(ch)
	t.evicted.Describe(ch)
	t.timeouts.Describe(ch)
	ch <- t.byCamera
}

// Collect implements prometheus.Collector.
func (t *Tracker) Collect(ch chan<- prometheus.Metric) {
	t.rejected.Collect(ch)
	t.evicted.Collect(ch)
	t.timeouts.Collect(ch)
	var preempted uint64
	if t.cfg.Preempted != nil {
		preempted = t.cfg.Preempted()
	}
	ch <- prometheus.MustNewConstMetric(t.evictions, prometheus.CounterValue, float64(preempted), evictedPreempted)
	if t.cfg.Cameras == nil {
		return
	}
	counts := t.countByCamera()
	for _, camera := range t.cfg.Cameras() {
		for _, output := range t.cfg.Outputs {
			n := counts[viewed{camera, output}]
			ch <- prometheus.MustNewConstMetric(t.byCamera, prometheus.GaugeValue, float64(n), camera, output)
		}
	}
}

// viewed is a camera in an output.
type viewed struct{ camera, output string }

func (t *Tracker) countByCamera() map[viewed]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := make(map[viewed]int)
	for v := range t.all {
		counts[viewed{v.camera, v.output}]++
	}
	return counts
}

// RecordTimeout counts a viewer whose connection ended with err, if a write to it took too long.
func (t *Tracker) RecordTimeout(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.timeouts.Inc()
	}
}

// RecordFault counts a viewer whose stream ended by a bug.
func (t *Tracker) RecordFault() { t.evicted.WithLabelValues(evictedFault).Inc() }
