package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
)

// collector reads the state of the connection to NATS at each scrape.
type collector struct {
	connected  func() bool
	reconnects func() uint64

	up, count *prometheus.Desc
}

// NewCollector returns the metrics of a connection to NATS. The functions are those of an Ingest.
func NewCollector(connected func() bool, reconnects func() uint64) prometheus.Collector {
	return &collector{
		connected: connected, reconnects: reconnects,
		up:    metrics.Desc("nats_connected", "1 if NATS can be reached, else 0."),
		count: metrics.Desc("nats_reconnects_total", "How often the connection to NATS was lost and restored."),
	}
}

// Describe implements prometheus.Collector.
func (m *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.up
	ch <- m.count
}

// Collect implements prometheus.Collector.
func (m *collector) Collect(ch chan<- prometheus.Metric) {
	metrics.Gauge(ch, m.up, metrics.Bool(m.connected()))
	metrics.Counter(ch, m.count, float64(m.reconnects()))
}
