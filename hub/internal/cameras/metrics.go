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

// collector reads the numbers of all cameras at each scrape, so that nothing is counted twice.
type collector struct {
	registry *Registry
	derived  func([]*Camera) map[string]map[media.Codec]Delivered

	cameras, up, state, subscribed, newest, in, bytesIn, out, bytesOut, drops *prometheus.Desc
	agentDrops, synchronised, clockError, temperature                         *prometheus.Desc
}

// NewCollector returns the metrics of cameras and of the streams that they deliver. derived returns what was delivered
// of other streams of a list of cameras, by camera id.
func NewCollector(r *Registry, derived func([]*Camera) map[string]map[media.Codec]Delivered) prometheus.Collector {
	return &collector{
		registry: r, derived: derived,
		cameras: metrics.Desc("cameras", "Cameras known, by state.", "state"),
		up:      metrics.Desc("camera_up", "1 if the camera's agent can be reached, else 0.", "camera"),
		state: metrics.Desc("camera_state",
			"1 for the state that the camera is in, 0 for the others.", "camera", "state"),
		subscribed: metrics.Desc("camera_subscribed",
			"1 while this hub takes the camera's frames, for its viewers or shortly after, else 0.", "camera"),
		newest: metrics.Desc("newest_frame_timestamp_seconds",
			"When the newest frame arrived here, Unix time; absent while nobody watches.", "camera"),
		in:      metrics.Desc("frames_in_total", "Frames received from the camera.", "camera", "format"),
		bytesIn: metrics.Desc("received_bytes_total", "Bytes of frames received from the camera.", "camera", "format"),
		out: metrics.Desc("frames_out_total",
			"Frames delivered, over all viewers, renditions included.", "camera", "format"),
		bytesOut: metrics.Desc("sent_bytes_total",
			"Bytes of frames delivered, over all viewers, renditions included.", "camera", "format"),
		drops: metrics.Desc("drops_total",
			"Frames lost, by reason: lagged counts what slow viewers skipped, the others what did not come in.",
			"camera", "format", "reason"),
		agentDrops: metrics.Desc("agent_drops_total",
			"Frames that the camera's agent has lost since its start, by reason.", "camera", "reason"),
		synchronised: metrics.Desc("camera_clock_synchronised",
			"1 if something keeps the clock of the camera's host right, else 0; absent while the camera is offline.",
			"camera"),
		clockError: metrics.Desc("camera_clock_error_seconds",
			"Largest error of that clock as its kernel knows it; absent while nothing keeps it right.", "camera"),
		temperature: metrics.Desc("camera_temperature_celsius",
			"Temperature of the board that the camera is at; absent if it does not tell, and while the camera is offline.",
			"camera"),
	}
}

// Describe implements prometheus.Collector.
func (m *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.cameras, m.up, m.state, m.subscribed, m.newest, m.in, m.bytesIn, m.out, m.bytesOut, m.drops, m.agentDrops,
		m.synchronised, m.clockError, m.temperature,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *collector) Collect(ch chan<- prometheus.Metric) {
	cameras := m.registry.Cameras()
	count := make(map[status.State]int)
	derived := m.derived(cameras)
	for _, c := range cameras {
		i := c.Info()
		count[i.State]++
		m.collectState(ch, i)
		m.collectStream(ch, i, derived[i.Camera])
		m.collectAgent(ch, i)
	}
	for _, s := range states() {
		metrics.Gauge(ch, m.cameras, float64(count[s]), string(s))
	}
}

func (m *collector) collectState(ch chan<- prometheus.Metric, i Info) {
	metrics.Gauge(ch, m.up, metrics.Bool(i.State != Offline), i.Camera)
	for _, s := range states() {
		metrics.Gauge(ch, m.state, metrics.Bool(i.State == s), i.Camera, string(s))
	}
	metrics.Gauge(ch, m.subscribed, metrics.Bool(i.Watched), i.Camera)
	if !i.Received.IsZero() {
		metrics.Gauge(ch, m.newest, float64(i.Received.UnixMicro())/1e6, i.Camera)
	}
}

// collectStream reports what has come in, and what was delivered of all streams of a format together.
func (m *collector) collectStream(ch chan<- prometheus.Metric, i Info, derived map[media.Codec]Delivered) {
	s, native := i.Stream, i.Stream.Codec()
	metrics.Counter(ch, m.in, float64(s.FramesIn.Load()), i.Camera, string(native))
	metrics.Counter(ch, m.bytesIn, float64(s.BytesIn.Load()), i.Camera, string(native))
	s.Drops.Each(func(r drop.Reason, n uint64) {
		metrics.Counter(ch, m.drops, float64(n), i.Camera, string(native), r.String())
	})
	for _, codec := range []media.Codec{media.JPEG, media.H264} {
		d, ok := derived[codec]
		if codec == native {
			ok = true
			d.Frames += s.FramesOut.Load()
			d.Bytes += s.BytesOut.Load()
		}
		if ok {
			metrics.Counter(ch, m.out, float64(d.Frames), i.Camera, string(codec))
			metrics.Counter(ch, m.bytesOut, float64(d.Bytes), i.Camera, string(codec))
		}
	}
}

// collectAgent reports what the agent says of itself.
func (m *collector) collectAgent(ch chan<- prometheus.Metric, i Info) {
	new(drop.Counters).Each(func(r drop.Reason, _ uint64) { // known reasons only: an agent may report any
		metrics.Counter(ch, m.agentDrops, float64(i.Status.Drops[r.String()]), i.Camera, r.String())
	})
	if i.State == Offline {
		return
	}
	metrics.Gauge(ch, m.synchronised, metrics.Bool(i.Clock.Error >= 0), i.Camera)
	if i.Clock.Error >= 0 {
		metrics.Gauge(ch, m.clockError, float64(i.Clock.Error)/1e6, i.Camera)
	}
	if i.Temperature != nil {
		metrics.Gauge(ch, m.temperature, *i.Temperature, i.Camera)
	}
}
