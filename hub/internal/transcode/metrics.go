package transcode

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

// sample is what the hub has made of a camera in one format.
type sample struct {
	camera, format string
	*Counters
}

// NewCollector returns the metrics of ffmpeg and of the renditions of all cameras that a function lists.
func NewCollector(t *Transcoder, list func() []*cameras.Camera) prometheus.Collector {
	read := func() (all []sample) {
		for id, codecs := range t.Counters(list()) {
			for codec, c := range codecs {
				all = append(all, sample{id, string(codec), c})
			}
		}
		return all
	}
	return metrics.Group{
		metrics.NewGaugeFunc("ffmpeg_available", "1 if ffmpeg was found, else 0.",
			func() float64 { return metrics.Bool(t.Available()) }),
		metrics.NewGaugeFunc("transcodes_limit", "Maximum number of ffmpeg processes.",
			func() float64 { return float64(t.Max()) }),
		metrics.NewScraper(func() []Totals { return []Totals{t.Totals()} },
			metrics.Gauge("transcodes", "Number of ffmpeg processes.",
				func(total Totals, emit metrics.Emit) { emit(float64(total.Processes)) }),
			metrics.Counter("transcode_cpu_seconds_total", "Processor time that ffmpeg has used.",
				func(total Totals, emit metrics.Emit) { emit(total.CPU.Seconds()) }),
			metrics.Counter("transcode_restarts_total", "Runs of ffmpeg that ended while they had viewers.",
				func(total Totals, emit metrics.Emit) { emit(float64(total.Restarts)) }),
		),
		t.refused,
		metrics.NewScraper(read,
			metrics.Gauge("renditions", "Renditions that run, those made without ffmpeg included.",
				func(s sample, emit metrics.Emit) { emit(float64(s.Running), s.camera, s.format) }, "camera", "format"),
			metrics.Counter("rendition_frames_total", "Frames made for renditions.",
				func(s sample, emit metrics.Emit) { emit(float64(s.Frames), s.camera, s.format) }, "camera", "format"),
			metrics.Counter("rendition_drops_total", "Frames lost on their way through a rendition, by reason.",
				func(s sample, emit metrics.Emit) {
					s.Drops.Each(func(r drop.Reason, n uint64) { emit(float64(n), s.camera, s.format, r.String()) })
				}, "camera", "format", "reason"),
		),
	}
}

func newRefused() *prometheus.CounterVec {
	return metrics.NewCounterVec("transcodes_refused_total",
		"Renditions that were requested and refused, by limit: all, principal, camera or link.", "limit",
		LimitAll, LimitPrincipal, LimitCamera, LimitLink)
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
