package cameras

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/status"
)

// states are all that a camera may be in.
func states() []status.State {
	return []status.State{status.Idle, status.Starting, status.Live, status.Degraded, Offline, Conflict}
}

// Delivered counts what was delivered of streams that are made of a camera's.
type Delivered struct{ Frames, Bytes uint64 }

// sample is a camera at a scrape.
type sample struct {
	Info

	delivered map[media.Codec]Delivered // of all streams of a format, the camera's own included
}

// NewCollector returns the metrics of cameras and of the streams that they deliver. derived returns what was delivered
// of other streams of a list of cameras, by camera id.
func NewCollector(r *Registry, derived func([]*Camera) map[string]map[media.Codec]Delivered) prometheus.Collector {
	read := func() []sample {
		cameras := r.Cameras()
		all, more := make([]sample, len(cameras)), derived(cameras)
		for i, c := range cameras {
			all[i] = newSample(c.Info(), more[c.ID()])
		}
		return all
	}
	states := metrics.NewScraper(func() []map[status.State]int { return []map[status.State]int{r.countStates()} },
		metrics.Gauge("cameras", "Known cameras, by state.", func(count map[status.State]int, emit metrics.Emit) {
			for _, state := range states() {
				emit(float64(count[state]), string(state))
			}
		}, "state"))
	return metrics.Group{states, metrics.NewScraper(read, append(streamMetrics(), stateMetrics()...)...)}
}

// stateMetrics returns the metrics of the cameras' states and of what their agents report.
func stateMetrics() []metrics.Metric[sample] {
	return []metrics.Metric[sample]{
		metrics.Gauge("camera_up", "1 if the camera's agent can be reached, else 0.",
			func(s sample, emit metrics.Emit) { emit(metrics.Bool(s.State != Offline), s.Camera) }, "camera"),
		metrics.Gauge("camera_state", "1 for the state of the camera, 0 for all other states.",
			func(s sample, emit metrics.Emit) {
				for _, state := range states() {
					emit(metrics.Bool(s.State == state), s.Camera, string(state))
				}
			}, "camera", "state"),
		metrics.Counter("agent_drops_total", "Frames that the camera's agent has lost since its start, by reason.",
			func(s sample, emit metrics.Emit) {
				new(drop.Counters).Each(func(r drop.Reason, _ uint64) { // known reasons only: an agent may report any
					emit(float64(s.Status.Drops[r.String()]), s.Camera, r.String())
				})
			}, "camera", "reason"),
		metrics.Gauge("camera_clock_synchronised",
			"1 if the clock of the camera's host is synchronized, else 0. Absent while the camera is offline.",
			func(s sample, emit metrics.Emit) {
				if s.State != Offline {
					emit(metrics.Bool(s.Clock.Error >= 0), s.Camera)
				}
			}, "camera"),
		metrics.Gauge("camera_clock_error_seconds",
			"Maximum error of the clock of the camera's host, as its kernel estimates it. "+
				"Absent while the clock is not synchronized or the camera is offline.",
			func(s sample, emit metrics.Emit) {
				if s.State != Offline && s.Clock.Error >= 0 {
					emit(float64(s.Clock.Error)/1e6, s.Camera)
				}
			}, "camera"),
		metrics.Gauge("camera_temperature_celsius", "Temperature of the camera's board. "+
			"Absent if the board does not report it or the camera is offline.",
			func(s sample, emit metrics.Emit) {
				if s.State != Offline && s.Temperature != nil {
					emit(*s.Temperature, s.Camera)
				}
			}, "camera"),
	}
}

// streamMetrics returns the metrics of the streams that cameras deliver.
func streamMetrics() []metrics.Metric[sample] {
	return []metrics.Metric[sample]{
		metrics.Gauge("camera_subscribed",
			"1 while this hub receives the camera's frames: while it has viewers, and for the linger time after. Else 0.",
			func(s sample, emit metrics.Emit) { emit(metrics.Bool(s.Watched), s.Camera) }, "camera"),
		metrics.Gauge("newest_frame_timestamp_seconds",
			"Unix time at which the newest frame arrived at this hub. Absent while the camera has no viewers.",
			func(s sample, emit metrics.Emit) {
				if !s.Received.IsZero() {
					emit(float64(s.Received.UnixMicro())/1e6, s.Camera)
				}
			}, "camera"),
		metrics.Counter("frames_in_total", "Frames received from the camera.",
			func(s sample, emit metrics.Emit) { emit(float64(s.Stream.FramesIn.Load()), s.Camera, s.codec()) },
			"camera", "format"),
		metrics.Counter("received_bytes_total", "Bytes of frames received from the camera.",
			func(s sample, emit metrics.Emit) { emit(float64(s.Stream.BytesIn.Load()), s.Camera, s.codec()) },
			"camera", "format"),
		metrics.Counter("frames_out_total", "Frames delivered to all viewers, renditions included.",
			func(s sample, emit metrics.Emit) {
				for codec, d := range s.delivered {
					emit(float64(d.Frames), s.Camera, string(codec))
				}
			}, "camera", "format"),
		metrics.Counter("sent_bytes_total", "Bytes of frames delivered to all viewers, renditions included.",
			func(s sample, emit metrics.Emit) {
				for codec, d := range s.delivered {
					emit(float64(d.Bytes), s.Camera, string(codec))
				}
			}, "camera", "format"),
		metrics.Counter("drops_total",
			"Frames lost, by reason. Lagged counts what slow viewers skipped, the other reasons what did not come in.",
			func(s sample, emit metrics.Emit) {
				s.Stream.Drops.Each(func(r drop.Reason, n uint64) { emit(float64(n), s.Camera, s.codec(), r.String()) })
			}, "camera", "format", "reason"),
	}
}

func newSample(i Info, derived map[media.Codec]Delivered) sample {
	s := sample{i, make(map[media.Codec]Delivered)}
	for _, codec := range []media.Codec{media.JPEG, media.H264} {
		d, ok := derived[codec]
		if codec == i.Stream.Codec() {
			ok = true
			d.Frames += i.Stream.FramesOut.Load()
			d.Bytes += i.Stream.BytesOut.Load()
		}
		if ok {
			s.delivered[codec] = d
		}
	}
	return s
}

// codec returns what the camera delivers.
func (s sample) codec() string { return string(s.Stream.Codec()) }

func (r *Registry) countStates() map[status.State]int {
	count := make(map[status.State]int)
	for _, c := range r.Cameras() {
		count[c.Info().State]++
	}
	return count
}
