package sysinfo

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/hostclock"
)

// collector reads the numbers of the hub's host at each scrape.
type collector struct {
	synchronised, clockError, memory *prometheus.Desc
}

// NewCollector returns the metrics of the hub's host: its clock and its memory.
func NewCollector() prometheus.Collector {
	return collector{
		synchronised: metrics.Desc("clock_synchronised",
			"1 if something keeps the clock of the hub's host right, else 0."),
		clockError: metrics.Desc("clock_error_seconds",
			"Largest error of that clock as the kernel knows it; absent while nothing keeps it right."),
		memory: metrics.Desc("memory_limit_bytes",
			"Memory that the hub may use: the machine's, or less in a control group; absent if unknown."),
	}
}

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.synchronised
	ch <- c.clockError
	ch <- c.memory
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	micros := hostclock.Error() // negative: nothing keeps the clock right
	metrics.Gauge(ch, c.synchronised, metrics.Bool(micros >= 0))
	if micros >= 0 {
		metrics.Gauge(ch, c.clockError, float64(micros)/1e6)
	}
	if limit := ReadLimits().Memory; limit > 0 {
		metrics.Gauge(ch, c.memory, float64(limit))
	}
}
