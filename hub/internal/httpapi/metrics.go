package httpapi

import (
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bramble-cam/bramble/hub/internal/registry"
	"github.com/bramble-cam/bramble/shared/drop"
)

// metrics returns the handler of /metrics, with a registry of its own: several hubs may live in one process.
func (s *Server) metrics() echo.HandlerFunc {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newTranscodeCollector(s.cfg.Transcoder),
		&collector{cameras: s.cfg.Registry.Cameras, connected: s.cfg.Connected, sockets: s.sockets.Load, refusals: s.guests.refusals, refused: s.refusals, stalled: s.guests.stalled.Load, d: newDescriptions()},
	)
	return echo.WrapHandler(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
}

// collector reads the counters when it is asked, so that nothing is counted twice.
type collector struct {
	cameras   func() []*registry.Camera
	connected func() bool
	sockets   func() int64
	refusals  func() map[string]uint64
	refused   func() map[string]uint64
	stalled   func() uint64
	d         descriptions
}

type descriptions struct {
	in, out, drops, viewers, up, age, cameras, nats, sockets, turnedAway, refused, stalled *prometheus.Desc
}

func newDescriptions() descriptions {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("bramble_hub_"+name, help, labels, nil)
	}
	return descriptions{
		in:         desc("frames_in_total", "Frames received from the camera.", "camera", "format"),
		out:        desc("frames_out_total", "Frames delivered, over all viewers.", "camera", "format"),
		drops:      desc("drops_total", "Frames lost, by reason: lagged counts what slow viewers skipped, the others what did not come in.", "camera", "format", "reason"),
		viewers:    desc("viewers", "Viewers now: HTTP responses and slots of WebSockets.", "camera", "format"),
		up:         desc("camera_up", "1 if the camera's agent can be reached, else 0.", "camera"),
		age:        desc("newest_frame_timestamp_seconds", "When the newest frame arrived here, Unix time; absent while nobody watches.", "camera"),
		cameras:    desc("cameras", "Cameras known, by state.", "state"),
		sockets:    desc("websockets", "WebSockets open now."),
		refused:    desc("refused_total", "What was refused for its size, number or form and is neither frame nor viewer, by reason.", "reason"),
		turnedAway: desc("viewers_refused_total", "Viewers turned away since there were too many, by limit: all, address, camera, or waiting for connections without a request.", "limit"),
		stalled:    desc("viewers_stalled_total", "Viewers and WebSockets given up since a write to them took longer than --write-timeout."),
		nats:       desc("nats_connected", "1 if NATS can be reached, else 0."),
	}
}

// Describe implements prometheus.Collector.
func (m *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.d.in, m.d.out, m.d.drops, m.d.viewers, m.d.up, m.d.age, m.d.cameras, m.d.nats, m.d.sockets, m.d.turnedAway, m.d.refused, m.d.stalled} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *collector) Collect(ch chan<- prometheus.Metric) {
	states := make(map[string]int)
	for _, cam := range m.cameras() {
		i := cam.Info()
		states[string(i.State)]++
		m.collectCamera(ch, i)
	}
	for state, n := range states {
		ch <- prometheus.MustNewConstMetric(m.d.cameras, prometheus.GaugeValue, float64(n), state)
	}
	ch <- prometheus.MustNewConstMetric(m.d.sockets, prometheus.GaugeValue, float64(m.sockets()))
	for limit, n := range m.refusals() {
		ch <- prometheus.MustNewConstMetric(m.d.turnedAway, prometheus.CounterValue, float64(n), limit)
	}
	for reason, n := range m.refused() {
		ch <- prometheus.MustNewConstMetric(m.d.refused, prometheus.CounterValue, float64(n), reason)
	}
	ch <- prometheus.MustNewConstMetric(m.d.stalled, prometheus.CounterValue, float64(m.stalled()))
	ch <- prometheus.MustNewConstMetric(m.d.nats, prometheus.GaugeValue, truth(m.connected()))
}

func (m *collector) collectCamera(ch chan<- prometheus.Metric, i registry.Info) {
	id, format := i.Camera, string(i.Format)
	ch <- prometheus.MustNewConstMetric(m.d.in, prometheus.CounterValue, float64(i.Stream.In.Load()), id, format)
	ch <- prometheus.MustNewConstMetric(m.d.out, prometheus.CounterValue, float64(i.Stream.Out.Load()), id, format)
	ch <- prometheus.MustNewConstMetric(m.d.viewers, prometheus.GaugeValue, float64(i.Viewers), id, format)
	ch <- prometheus.MustNewConstMetric(m.d.up, prometheus.GaugeValue, truth(i.State != registry.Offline), id)
	if !i.Received.IsZero() {
		ch <- prometheus.MustNewConstMetric(m.d.age, prometheus.GaugeValue, float64(i.Received.UnixMicro())/1e6, id)
	}
	i.Stream.Drops.Each(func(r drop.Reason, n uint64) {
		ch <- prometheus.MustNewConstMetric(m.d.drops, prometheus.CounterValue, float64(n), id, format, r.String())
	})
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
