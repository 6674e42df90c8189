package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
)

// NewCollector returns the metrics of a connection to NATS. The functions are those of an Ingest.
func NewCollector(connected func() bool, reconnects func() uint64) prometheus.Collector {
	return metrics.Group{
		metrics.NewGaugeFunc("nats_connected", "1 if the hub is connected to NATS, else 0.",
			func() float64 { return metrics.Bool(connected()) }),
		metrics.NewCounterFunc("nats_reconnects_total", "Times that the connection to NATS was lost and restored.",
			func() float64 { return float64(reconnects()) }),
	}
}
