package httpapi

import (
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bramble-cam/bramble/hub/internal/hubsync"
	"github.com/bramble-cam/bramble/hub/internal/sysinfo"
	"github.com/bramble-cam/bramble/internal/hostclock"
)

// metrics returns the handler of /metrics, with a registry of its own: several hubs may live in one process. docs/ref/metrics.md describes them.
func (s *Server) metrics() echo.HandlerFunc {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newHubCollector(s),
		newCameraCollector(s),
		s.accept,
		s.tracker,
	)
	return echo.WrapHandler(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
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

	build, nats, reconnects, sockets, refused, errors, ffmpeg, processes, cpu,
	restarts, most, shares, synchronised, clockError, memory *prometheus.Desc

	otherHubs *prometheus.Desc
}

func newHubCollector(s *Server) *hubCollector {
	return &hubCollector{
		s:          s,
		build:      describe("build_info", "Always 1; the label is the hub's version.", "version"),
		nats:       describe("nats_connected", "1 if NATS can be reached, else 0."),
		reconnects: describe("nats_reconnects_total", "How often the connection to NATS was lost and restored."),
		sockets:    describe("websockets", "WebSockets open now."),
		refused: describe("refused_total",
			"What was refused for its size, number or form and is neither frame nor viewer, by reason.", "reason"),
		errors:    describe("http_errors_total", "Requests answered with an error, by status.", "code"),
		ffmpeg:    describe("ffmpeg_available", "1 if ffmpeg was found, else 0."),
		processes: describe("transcodes", "ffmpeg processes now."),
		cpu:       describe("transcode_cpu_seconds_total", "Processor time of ffmpeg."),
		restarts:  describe("transcode_restarts_total", "Runs of ffmpeg that ended while they had viewers."),
		most:      describe("transcodes_limit", "Maximum number of ffmpeg processes."),
		shares: describe("transcodes_refused_total",
			"Renditions that were requested and refused, by limit: all, principal, camera or link.", "limit"),
		synchronised: describe("clock_synchronised", "1 if something keeps the clock of the hub's host right, else 0."),
		clockError: describe("clock_error_seconds",
			"Largest error of that clock as the kernel knows it; absent while nothing keeps it right."),
		otherHubs: describe("other_hubs",
			"Other hubs seen on NATS recently, by how their credentials compare with this hub's.", "credentials"),
		memory: describe("memory_limit_bytes",
			"Memory that the hub may use: the machine's, or less in a control group; absent if unknown."),
	}
}

// Describe implements prometheus.Collector.
func (m *hubCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.build, m.nats, m.reconnects, m.sockets, m.refused,
		m.errors, m.ffmpeg, m.processes, m.cpu, m.restarts, m.most, m.shares, m.synchronised,
		m.clockError, m.memory, m.otherHubs,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *hubCollector) Collect(ch chan<- prometheus.Metric) {
	e, cfg := emit{ch}, m.s.cfg
	e.gauge(m.build, 1, cfg.About.Version)
	e.gauge(m.nats, truth(cfg.Connected()))
	if cfg.Reconnects != nil {
		e.counter(m.reconnects, cfg.Reconnects())
	}
	e.gauge(m.sockets, float64(m.s.sockets.Load()))
	for reason, n := range m.s.refusals() {
		e.counter(m.refused, n, reason)
	}
	m.s.errors.each(func(code string, n uint64) { e.counter(m.errors, n, code) })
	e.gauge(m.ffmpeg, truth(cfg.Transcoder.Available()))
	total := cfg.Transcoder.Totals()
	e.gauge(m.processes, float64(total.Processes))
	ch <- prometheus.MustNewConstMetric(m.cpu, prometheus.CounterValue, total.CPU.Seconds())
	e.counter(m.restarts, total.Restarts)
	e.gauge(m.most, float64(cfg.Transcoder.Max()))
	for limit, n := range total.Refused {
		e.counter(m.shares, n, limit)
	}
	collectClock(e, hostclock.Error(), m.synchronised, m.clockError)
	m.collectHubs(e)
	if limit := sysinfo.ReadLimits().Memory; limit > 0 {
		e.gauge(m.memory, float64(limit))
	}
}

// collectHubs reports the number of other hubs.
func (m *hubCollector) collectHubs(e emit) {
	counts := make(map[string]int)
	for _, o := range m.s.cfg.Others() {
		counts[o.Credentials]++
	}
	for _, relation := range hubsync.Relations() {
		e.gauge(m.otherHubs, float64(counts[relation]), relation)
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
