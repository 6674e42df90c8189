package httpapi

import (
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/hubsync"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/sysinfo"
)

// metrics returns the handler of /metrics. docs/ref/metrics.md describes them.
func (s *Server) metrics() echo.HandlerFunc {
	return echo.WrapHandler(metrics.Handler(append(s.cfg.Collectors,
		newHubCollector(s), newCameraCollector(s), metrics.BuildInfo(s.cfg.Info.Version), s.errors, s.refused,
		s.accept, s.tracker, sysinfo.NewCollector(), hubsync.NewCollector(func() []hubsync.Other { return s.cfg.Others() }),
	)...))
}

// describe returns the description of a metric of ours.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bramble_hub_"+name, help, labels, nil)
}

// emit sends numbers of one kind.
type emit struct {
	ch chan<- prometheus.Metric
}

func (e emit) gauge(d *prometheus.Desc, value float64, labels ...string) {
	e.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (e emit) counter(d *prometheus.Desc, value uint64, labels ...string) {
	e.ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

// hubCollector reads the numbers of the hub as a whole when it is asked, so that nothing is counted twice.
type hubCollector struct {
	s *Server

	nats, reconnects, sockets, ffmpeg, processes, cpu, restarts, most, shares *prometheus.Desc
}

func newHubCollector(s *Server) *hubCollector {
	return &hubCollector{
		s:          s,
		nats:       describe("nats_connected", "1 if NATS can be reached, else 0."),
		reconnects: describe("nats_reconnects_total", "How often the connection to NATS was lost and restored."),
		sockets:    describe("websockets", "WebSockets open now."),
		ffmpeg:     describe("ffmpeg_available", "1 if ffmpeg was found, else 0."),
		processes:  describe("transcodes", "ffmpeg processes now."),
		cpu:        describe("transcode_cpu_seconds_total", "Processor time of ffmpeg."),
		restarts:   describe("transcode_restarts_total", "Runs of ffmpeg that ended while they had viewers."),
		most:       describe("transcodes_limit", "Maximum number of ffmpeg processes."),
		shares: describe("transcodes_refused_total",
			"Renditions that were requested and refused, by limit: all, principal, camera or link.", "limit"),
	}
}

// Describe implements prometheus.Collector.
func (m *hubCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.nats, m.reconnects, m.sockets, m.ffmpeg, m.processes, m.cpu, m.restarts, m.most, m.shares,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *hubCollector) Collect(ch chan<- prometheus.Metric) {
	e, cfg := emit{ch}, m.s.cfg
	e.gauge(m.nats, truth(cfg.Connected()))
	if cfg.Reconnects != nil {
		e.counter(m.reconnects, cfg.Reconnects())
	}
	e.gauge(m.sockets, float64(m.s.sockets.Load()))
	e.gauge(m.ffmpeg, truth(cfg.Transcoder.Available()))
	total := cfg.Transcoder.Totals()
	e.gauge(m.processes, float64(total.Processes))
	ch <- prometheus.MustNewConstMetric(m.cpu, prometheus.CounterValue, total.CPU.Seconds())
	e.counter(m.restarts, total.Restarts)
	e.gauge(m.most, float64(cfg.Transcoder.Max()))
	for limit, n := range total.Refused {
		e.counter(m.shares, n, limit)
	}
}

// collectClock tells how right a clock is, by its largest error in microseconds.
func collectClock(e emit, micros int64, synchronised, largest *prometheus.Desc, labels ...string) {
	e.gauge(synchronised, truth(micros >= 0), labels...)
	if micros >= 0 {
		e.gauge(largest, float64(micros)/1e6, labels...)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
