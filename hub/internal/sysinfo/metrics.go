package sysinfo

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/hostclock"
)

// host is what the metrics are read from.
type host struct {
	clockError int64  // microseconds; negative if the clock is not synchronized
	memory     uint64 // bytes; 0 if not known
}

// NewCollector returns the metrics of the hub's host: its clock and its memory.
func NewCollector() prometheus.Collector {
	read := func() []host { return []host{{hostclock.Error(), ReadLimits().Memory}} }
	return metrics.NewScraper(read,
		metrics.Gauge("clock_synchronised", "1 if the clock of the hub's host is synchronized, else 0.",
			func(h host, emit metrics.Emit) { emit(metrics.Bool(h.clockError >= 0)) }),
		metrics.Gauge("clock_error_seconds",
			"Maximum error of the clock of the hub's host, as the kernel estimates it. Absent while it is not synchronized.",
			func(h host, emit metrics.Emit) {
				if h.clockError >= 0 {
					emit(float64(h.clockError) / 1e6)
				}
			}),
		metrics.Gauge("memory_limit_bytes",
			"Memory that the hub may use: the machine's, or the limit of its control group. Absent if unknown.",
			func(h host, emit metrics.Emit) {
				if h.memory > 0 {
					emit(float64(h.memory))
				}
			}),
	)
}
