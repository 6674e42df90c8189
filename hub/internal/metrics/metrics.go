// Package metrics is the hub's Prometheus registry, and the names and helpers that all collectors share. It measures
// nothing itself: each package registers a collector for what it does. docs/ref/metrics.md describes all metrics.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// prefix begins the names of all metrics of the hub.
const prefix = "bramble_hub_"

// Handler returns the handler of /metrics. It has a registry of its own, because several hubs may live in one process.
func Handler(list ...prometheus.Collector) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	reg.MustRegister(list...)
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

// Desc returns the description of a metric. The name has no prefix.
func Desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

// NewCounter returns a counter. The name has no prefix.
func NewCounter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
}

// NewCounterVec returns counters by a label. The given values are there from the start, so that rates can be computed.
func NewCounterVec(name, help, label string, values ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, []string{label})
	for _, v := range values {
		vec.WithLabelValues(v)
	}
	return vec
}

// NewGaugeFunc returns a gauge that reads its value at each scrape. The name has no prefix.
func NewGaugeFunc(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + name, Help: help}, value)
}

// Gauge emits a number that goes up and down.
func Gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// Counter emits a number that only goes up.
func Counter(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

// Bool returns 1 for true and 0 for false.
func Bool(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// BuildInfo returns the collector of the hub's version.
func BuildInfo(version string) prometheus.Collector {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: prefix + "build_info", Help: "Always 1; the label is the hub's version.",
	}, []string{"version"})
	g.WithLabelValues(version).Set(1)
	return g
}
