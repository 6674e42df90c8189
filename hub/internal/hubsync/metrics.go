package hubsync

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
)

// NewCollector returns the metrics of the other hubs that a function lists.
func NewCollector(others func() []Other) prometheus.Collector {
	count := func() []map[string]int {
		counts := make(map[string]int)
		for _, o := range others() {
			counts[o.Credentials]++
		}
		return []map[string]int{counts}
	}
	return metrics.NewScraper(count, metrics.Gauge("other_hubs",
		"Other hubs seen on NATS recently, by how their credentials compare with this hub's.",
		func(counts map[string]int, emit metrics.Emit) {
			for _, relation := range Relations() {
				emit(float64(counts[relation]), relation)
			}
		}, "credentials"))
}
