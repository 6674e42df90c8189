package viewers

import (
	"errors"
	"os"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
)

// Why the hub ends a viewer's stream, as the metric of evicted viewers names it.
const (
	evictedRevoked   = "revoked" // ErrRevoked
	evictedFault     = "fault"   // a panic
	evictedPreempted = "share"   // Config.Preempted
)

// viewed is a camera in an output.
type viewed struct{ camera, output string }

func (t *Tracker) makeMetrics() {
	t.rejected = metrics.NewCounterVec("viewers_refused_total",
		"Viewers refused because there were too many, by limit: all, address or camera. Of connections: waiting "+
			"(too many have sent no request), idle (too many are between two requests).", "limit",
		LimitAll, LimitAddress, LimitCamera, LimitPending, LimitIdle)
	const evicted = "viewers_evicted_total"
	const help = "Viewers whose stream the hub ended, by reason: revoked (their access was revoked), fault (a bug), " +
		"share (their rendition gave way to a principal with fewer renditions)."
	t.evicted = metrics.NewCounterVec(evicted, help, "reason", evictedRevoked, evictedFault)
	t.timeouts = metrics.NewCounter("viewers_stalled_total",
		"Viewers and WebSockets disconnected because a write to them took longer than write-timeout.")
	t.Group = metrics.Group{t.rejected, t.evicted, t.timeouts}
	if t.cfg.Preempted != nil {
		t.Group = append(t.Group, metrics.NewScraper(func() []uint64 { return []uint64{t.cfg.Preempted()} },
			metrics.Counter(evicted, help, func(n uint64, emit metrics.Emit) { emit(float64(n), evictedPreempted) }, "reason")))
	}
	if t.cfg.Cameras != nil {
		read := func() []map[viewed]int { return []map[viewed]int{t.countByCamera()} }
		t.Group = append(t.Group, metrics.NewScraper(read, metrics.Gauge("viewers",
			"Viewers now, by camera and output: HTTP responses and slots of WebSockets.", t.emitViewers,
			"camera", "format")))
	}
}

// emitViewers emits the number of viewers of every camera in every output, 0 included.
func (t *Tracker) emitViewers(counts map[viewed]int, emit metrics.Emit) {
	for _, camera := range t.cfg.Cameras() {
		for _, output := range t.cfg.Outputs {
			emit(float64(counts[viewed{camera, output}]), camera, output)
		}
	}
}

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
