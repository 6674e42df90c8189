package transcode

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

// collector reads the numbers of renditions at each scrape, so that nothing is counted twice.
type collector struct {
	t       *Transcoder
	cameras func() []*cameras.Camera

	available, processes, cpu, restarts, limit, refused, running, frames, drops *prometheus.Desc
}

// NewCollector returns the metrics of ffmpeg and of the renditions of all cameras that a function lists.
func NewCollector(t *Transcoder, list func() []*cameras.Camera) prometheus.Collector {
	return &collector{
		t: t, cameras: list,
		available: metrics.Desc("ffmpeg_available", "1 if ffmpeg was found, else 0."),
		processes: metrics.Desc("transcodes", "ffmpeg processes now."),
		cpu:       metrics.Desc("transcode_cpu_seconds_total", "Processor time of ffmpeg."),
		restarts:  metrics.Desc("transcode_restarts_total", "Runs of ffmpeg that ended while they had viewers."),
		limit:     metrics.Desc("transcodes_limit", "Maximum number of ffmpeg processes."),
		refused: metrics.Desc("transcodes_refused_total",
			"Renditions that were requested and refused, by limit: all, principal, camera or link.", "limit"),
		running: metrics.Desc("renditions",
			"Renditions that run, those made without ffmpeg included.", "camera", "format"),
		frames: metrics.Desc("rendition_frames_total", "Frames made for renditions.", "camera", "format"),
		drops: metrics.Desc("rendition_drops_total",
			"Frames lost on their way through a rendition, by reason.", "camera", "format", "reason"),
	}
}

// Describe implements prometheus.Collector.
func (m *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.available, m.processes, m.cpu, m.restarts, m.limit, m.refused, m.running, m.frames, m.drops,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *collector) Collect(ch chan<- prometheus.Metric) {
	metrics.Gauge(ch, m.available, metrics.Bool(m.t.Available()))
	total := m.t.Totals()
	metrics.Gauge(ch, m.processes, float64(total.Processes))
	metrics.Counter(ch, m.cpu, total.CPU.Seconds())
	metrics.Counter(ch, m.restarts, float64(total.Restarts))
	metrics.Gauge(ch, m.limit, float64(m.t.Max()))
	for limit, n := range total.Refused {
		metrics.Counter(ch, m.refused, float64(n), limit)
	}
	for id, codecs := range m.t.Counters(m.cameras()) {
		for codec, c := range codecs {
			metrics.Gauge(ch, m.running, float64(c.Running), id, string(codec))
			metrics.Counter(ch, m.frames, float64(c.Frames), id, string(codec))
			c.Drops.Each(func(r drop.Reason, n uint64) {
				metrics.Counter(ch, m.drops, float64(n), id, string(codec), r.String())
			})
		}
	}
}

// Delivered returns what was delivered of the renditions of cameras, by camera id, for their metrics.
func (t *Transcoder) Delivered(list []*cameras.Camera) map[string]map[media.Codec]cameras.Delivered {
	all := make(map[string]map[media.Codec]cameras.Delivered)
	for id, codecs := range t.Counters(list) {
		all[id] = make(map[media.Codec]cameras.Delivered)
		for codec, c := range codecs {
			all[id][codec] = cameras.Delivered{Frames: c.Out, Bytes: c.BytesOut}
		}
	}
	return all
}
