package hubsync

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
)

// collector counts other hubs at each scrape.
type collector struct {
	others func() []Other
	hubs   *prometheus.Desc
}

// NewCollector returns the metrics of the other hubs that a function lists.
func NewCollector(others func() []Other) prometheus.Collector {
	return collector{others, metrics.Desc("other_hubs",
		"Other hubs seen on NATS recently, by how their credentials compare with this hub's.", "credentials")}
}

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) { ch <- c.hubs }

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	counts := make(map[string]int)
	for _, o := range c.others() {
		counts[o.Credentials]++
	}
	for _, relation := range Relations() {
		metrics.Gauge(ch, c.hubs, float64(counts[relation]), relation)
	}
}
