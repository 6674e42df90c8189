package httpapi

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/status"
)

// cameraStates are all that a camera may be in, as the metrics list them.
func cameraStates() []status.State {
	return []status.State{status.Idle, status.Starting, status.Live, status.Degraded, cameras.Offline, cameras.Conflict}
}

// cameraCollector reads the numbers of cameras and of what is made of them when it is asked.
type cameraCollector struct {
	s *Server

	cameras, up, state, subscribed, newest, in, bytesIn, out, bytesOut, drops, renditions, made, madeDrops, agentDrops, synchronised, clockError, temperature *prometheus.Desc
}

func newCameraCollector(s *Server) *cameraCollector {
	return &cameraCollector{
		s:            s,
		cameras:      describe("cameras", "Cameras known, by state.", "state"),
		up:           describe("camera_up", "1 if the camera's agent can be reached, else 0.", "camera"),
		state:        describe("camera_state", "1 for the state that the camera is in, 0 for the others.", "camera", "state"),
		subscribed:   describe("camera_subscribed", "1 while this hub takes the camera's frames, for its viewers or shortly after, else 0.", "camera"),
		newest:       describe("newest_frame_timestamp_seconds", "When the newest frame arrived here, Unix time; absent while nobody watches.", "camera"),
		in:           describe("frames_in_total", "Frames received from the camera.", "camera", "format"),
		bytesIn:      describe("received_bytes_total", "Bytes of frames received from the camera.", "camera", "format"),
		out:          describe("frames_out_total", "Frames delivered, over all viewers, renditions included.", "camera", "format"),
		bytesOut:     describe("sent_bytes_total", "Bytes of frames delivered, over all viewers, renditions included.", "camera", "format"),
		drops:        describe("drops_total", "Frames lost, by reason: lagged counts what slow viewers skipped, the others what did not come in.", "camera", "format", "reason"),
		renditions:   describe("renditions", "Renditions that run, those made without ffmpeg included.", "camera", "format"),
		made:         describe("rendition_frames_total", "Frames made for renditions.", "camera", "format"),
		madeDrops:    describe("rendition_drops_total", "Frames lost on their way through a rendition, by reason.", "camera", "format", "reason"),
		agentDrops:   describe("agent_drops_total", "Frames that the camera's agent has lost since its start, by reason.", "camera", "reason"),
		synchronised: describe("camera_clock_synchronised", "1 if something keeps the clock of the camera's host right, else 0; absent while the camera is offline.", "camera"),
		clockError:   describe("camera_clock_error_seconds", "Largest error of that clock as its kernel knows it; absent while nothing keeps it right.", "camera"),
		temperature:  describe("camera_temperature_celsius", "Temperature of the board that the camera is at; absent if it does not tell, and while the camera is offline.", "camera"),
	}
}

// Describe implements prometheus.Collector.
func (m *cameraCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.cameras, m.up, m.state, m.subscribed, m.newest, m.in, m.bytesIn, m.out, m.bytesOut, m.drops, m.renditions, m.made, m.madeDrops, m.agentDrops, m.synchronised, m.clockError,
		m.temperature,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *cameraCollector) Collect(ch chan<- prometheus.Metric) {
	e, cameras := emit{ch}, m.s.cfg.Registry.Cameras()
	states := make(map[status.State]int)
	sums := m.s.cfg.Transcoder.Counters(cameras)
	for _, cam := range cameras {
		i := cam.Info()
		states[i.State]++
		m.camera(e, i, sums[i.Camera])
		m.atAgent(e, i)
	}
	for _, state := range cameraStates() {
		e.gauge(m.cameras, float64(states[state]), string(state))
	}
}

// camera tells of a camera's own stream and of its renditions.
func (m *cameraCollector) camera(e emit, i cameras.Info, made map[media.Codec]*transcode.Counters) {
	id, own := i.Camera, string(i.Format)
	e.gauge(m.up, truth(i.State != cameras.Offline), id)
	for _, state := range cameraStates() {
		e.gauge(m.state, truth(i.State == state), id, string(state))
	}
	e.gauge(m.subscribed, truth(i.Watched), id)
	if !i.Received.IsZero() {
		e.gauge(m.newest, float64(i.Received.UnixMicro())/1e6, id)
	}
	e.counter(m.in, i.Stream.FramesIn.Load(), id, own)
	e.counter(m.bytesIn, i.Stream.BytesIn.Load(), id, own)
	i.Stream.Drops.Each(func(r drop.Reason, n uint64) { e.counter(m.drops, n, id, own, r.String()) })
	for _, format := range []media.Codec{media.JPEG, media.H264} {
		var out, bytes uint64
		if format == media.Codec(i.Format) {
			out, bytes = i.Stream.FramesOut.Load(), i.Stream.BytesOut.Load()
		}
		sum := made[format]
		if sum != nil {
			out, bytes = out+sum.Out, bytes+sum.BytesOut
			e.gauge(m.renditions, float64(sum.Running), id, string(format))
			e.counter(m.made, sum.Frames, id, string(format))
			sum.Drops.Each(func(r drop.Reason, n uint64) { e.counter(m.madeDrops, n, id, string(format), r.String()) })
		}
		if sum != nil || format == media.Codec(i.Format) {
			e.counter(m.out, out, id, string(format))
			e.counter(m.bytesOut, bytes, id, string(format))
		}
	}
}

// atAgent tells what the agent says of itself.
func (m *cameraCollector) atAgent(e emit, i cameras.Info) {
	new(drop.Counters).Each(func(r drop.Reason, _ uint64) { // known reasons only: an agent may say what it likes
		e.counter(m.agentDrops, i.Status.Drops[r.String()], i.Camera, r.String())
	})
	if i.State == cameras.Offline {
		return
	}
	collectClock(e, i.Clock.Error, m.synchronised, m.clockError, i.Camera)
	if i.Temperature != nil {
		e.gauge(m.temperature, *i.Temperature, i.Camera)
	}
}
