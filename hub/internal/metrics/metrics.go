// Package metrics is the hub's Prometheus registry, and what all collectors share. It measures nothing itself: each
// package counts what it does. docs/ref/metrics.md describes all metrics.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// prefix begins the names of all metrics of the hub. Functions of this package add it to the names that they get.
const prefix = "bramble_hub_"

// Handler returns the handler of /metrics. It has its own registry, because several hubs may live in one process.
func Handler(list ...prometheus.Collector) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	reg.MustRegister(list...)
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

// NewCounter returns a counter.
func NewCounter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
}

// NewCounterVec returns counters by a label. The given values are present from the start, so that rates can be
// computed.
func NewCounterVec(name, help, label string, values ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, []string{label})
	for _, v := range values {
		vec.WithLabelValues(v)
	}
	return vec
}

// NewGaugeFunc returns a gauge that reads its value at each scrape.
func NewGaugeFunc(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + name, Help: help}, value)
}

// NewCounterFunc returns a counter that reads its value at each scrape.
func NewCounterFunc(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: prefix + name, Help: help}, value)
}

// Group is several collectors in one.
type Group []prometheus.Collector

// Describe implements prometheus.Collector.
func (g Group) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range g {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (g Group) Collect(ch chan<- prometheus.Metric) {
	for _, c := range g {
		c.Collect(ch)
	}
}

// Emit takes one value of a metric, with the values of its labels.
type Emit func(value float64, labels ...string)

// Metric is a metric that is read from a T at each scrape.
type Metric[T any] struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(T, Emit)
}

// Gauge returns a metric that goes up and down. read calls its Emit once for each series.
func Gauge[T any](name, help string, read func(T, Emit), labels ...string) Metric[T] {
	return Metric[T]{prometheus.NewDesc(prefix+name, help, labels, nil), prometheus.GaugeValue, read}
}

// Counter returns a metric that only goes up. read calls its Emit once for each series.
func Counter[T any](name, help string, read func(T, Emit), labels ...string) Metric[T] {
	return Metric[T]{prometheus.NewDesc(prefix+name, help, labels, nil), prometheus.CounterValue, read}
}

// scraper implements prometheus.Collector.
type scraper[T any] struct {
	values  func() []T
	metrics []Metric[T]
}

// NewScraper returns a collector of metrics. At each scrape it calls values once and reads each metric from each of
// them.
func NewScraper[T any](values func() []T, metrics ...Metric[T]) prometheus.Collector {
	return scraper[T]{values, metrics}
}

// Describe implements prometheus.Collector.
func (s scraper[T]) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range s.metrics {
		ch <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (s scraper[T]) Collect(ch chan<- prometheus.Metric) {
	values := s.values()
	for _, m := range s.metrics {
		emit := func(value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
		}
		for _, v := range values {
			m.read(v, emit)
		}
	}
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
