package httpapi

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/shared/drop"
)

// transcodeCollector reads what transcoding costs.
type transcodeCollector struct {
	t                                                *transcode.Transcoder
	renditions, processes, cpu, restarts, out, drops *prometheus.Desc
}

func newTranscodeCollector(t *transcode.Transcoder) *transcodeCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("bramble_hub_"+name, help, labels, nil)
	}
	return &transcodeCollector{
		t:          t,
		renditions: desc("renditions", "Renditions that run, those made without ffmpeg included.", "camera", "format"),
		processes:  desc("transcodes", "ffmpeg processes now."),
		cpu:        desc("transcode_cpu_seconds_total", "Processor time of ffmpeg."),
		restarts:   desc("transcode_restarts_total", "Runs of ffmpeg that ended though somebody watched."),
		out:        desc("rendition_frames", "Frames made so far, over the renditions that run.", "camera", "format"),
		drops:      desc("rendition_drops", "Frames lost so far, over the renditions that run, by reason.", "camera", "format", "reason"),
	}
}

// Describe implements prometheus.Collector.
func (m *transcodeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.renditions, m.processes, m.cpu, m.restarts, m.out, m.drops} {
		ch <- d
	}
}

// sums are the renditions of one camera in one format.
type sums struct {
	count  int
	frames uint64
	drops  drop.Counters
}

// Collect implements prometheus.Collector.
func (m *transcodeCollector) Collect(ch chan<- prometheus.Metric) {
	total := m.t.Totals()
	ch <- prometheus.MustNewConstMetric(m.processes, prometheus.GaugeValue, float64(total.Processes))
	ch <- prometheus.MustNewConstMetric(m.cpu, prometheus.CounterValue, total.CPU.Seconds())
	ch <- prometheus.MustNewConstMetric(m.restarts, prometheus.CounterValue, float64(total.Restarts))
	type label struct{ camera, format string }
	all := make(map[label]*sums)
	for _, i := range m.t.Renditions(nil) {
		at := label{i.Camera, string(i.Want.Format)}
		if all[at] == nil {
			all[at] = &sums{}
		}
		all[at].count++
		all[at].frames += i.Stream.In.Load()
		i.Stream.Drops.Each(all[at].drops.Add)
	}
	for at, sum := range all {
		ch <- prometheus.MustNewConstMetric(m.renditions, prometheus.GaugeValue, float64(sum.count), at.camera, at.format)
		ch <- prometheus.MustNewConstMetric(m.out, prometheus.GaugeValue, float64(sum.frames), at.camera, at.format)
		sum.drops.Each(func(r drop.Reason, n uint64) {
			ch <- prometheus.MustNewConstMetric(m.drops, prometheus.GaugeValue, float64(n), at.camera, at.format, r.String())
		})
	}
}
