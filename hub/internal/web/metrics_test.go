package web

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// scrape reads the metrics: values by name and labels, and types by name.
func (r *fixture) scrape() (values, types map[string]string) {
	r.t.Helper()
	return parseScrape(r.t, r.scrapeText())
}

func (r *fixture) scrapeText() []byte {
	r.t.Helper()
	resp, body := r.do(http.MethodGet, "/metrics")
	if resp.StatusCode != 200 {
		r.t.Fatalf("%s: %s", resp.Status, body)
	}
	return body
}

func parseScrape(t testing.TB, body []byte) (values, types map[string]string) {
	t.Helper()
	values, types = make(map[string]string), make(map[string]string)
	kinds := make(map[string]string)
	for line := range strings.Lines(string(body)) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(strings.TrimSpace(rest), " ")
			kinds[name] = kind
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := cutLast(strings.TrimSpace(line))
		if !ok {
			t.Errorf("line %q", line)
		}
		name, _, _ := strings.Cut(key, "{")
		values[key], types[name] = value, kinds[name]
	}
	return values, types
}

// cutLast parts a value from its series.
func cutLast(line string) (key, value string, ok bool) {
	i := strings.LastIndex(line, " ")
	if i < 0 {
		return line, "", false
	}
	return line[:i], line[i+1:], true
}

// everyMetric returns a fixture whose scrape has all metrics.
func everyMetric(t *testing.T) *fixture {
	t.Helper()
	r := populated(t)
	celsius := 51.5
	r.reg.OnStatus(status.Status{
		Camera: "hot", Instance: "i", Started: time.Now(), State: status.Idle, Format: frame.JPEG, Temperature: &celsius,
		Drops: map[string]uint64{"queue_head": 4, "made up": 9},
		Clock: status.Clock{Source: status.ClockArrival, Error: 2500},
	})
	r.reg.OnStatus(status.Status{Camera: "astray", Instance: "i", Started: time.Now(), State: status.Idle,
		Format: frame.JPEG, Clock: status.Clock{Error: -1}})
	desk, err := r.reg.Camera("desk")
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.tr.Subscribe(t.Context(), desk, media.Want{Codec: media.JPEG, Width: 16}, transcode.Principal{},
		cameras.Viewer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return r
}

func TestMetricValues(t *testing.T) {
	r := populated(t)
	desk, err := r.reg.Camera("desk")
	if err != nil {
		t.Fatal(err)
	}
	in := r.agents.stream("desk")
	in.Drops.Add(drop.Gap, 3)
	viewer := r.mjpeg("/cam/desk.mjpeg")
	viewer.part()
	r.do(http.MethodGet, "/cam/missing.jpeg")
	values, _ := r.scrape()
	for key, want := range map[string]string{
		`bramble_hub_frames_in_total{camera="desk",format="jpeg"}`:                "1",
		`bramble_hub_frames_out_total{camera="desk",format="jpeg"}`:               "1",
		`bramble_hub_frames_in_total{camera="gone",format="jpeg"}`:                "0",
		`bramble_hub_drops_total{camera="desk",format="jpeg",reason="gap"}`:       "3",
		`bramble_hub_drops_total{camera="desk",format="jpeg",reason="lagged"}`:    "0",
		`bramble_hub_drops_total{camera="yard",format="h264",reason="old_epoch"}`: "0",
		`bramble_hub_viewers{camera="desk",format="jpeg"}`:                        "0",
		`bramble_hub_viewers{camera="desk",format="mjpeg"}`:                       "1",
		`bramble_hub_viewers{camera="yard",format="mp4"}`:                         "0",
		`bramble_hub_camera_state{camera="desk",state="live"}`:                    "1",
		`bramble_hub_camera_state{camera="desk",state="degraded"}`:                "0",
		`bramble_hub_camera_state{camera="gone",state="offline"}`:                 "1",
		`bramble_hub_cameras{state="conflict"}`:                                   "0",
		`bramble_hub_ffmpeg_available`:                                            "0",
		`bramble_hub_http_errors_total{code="404"}`:                               "1",
		`bramble_hub_viewers_evicted_total{reason="fault"}`:                       "0",
		`bramble_hub_camera_temperature_celsius{camera="desk"}`:                   "", // its agent reports none
		`bramble_hub_camera_up{camera="desk"}`:                                    "1",
		`bramble_hub_camera_up{camera="gone"}`:                                    "0",
		`bramble_hub_cameras{state="live"}`:                                       "2",
		`bramble_hub_cameras{state="offline"}`:                                    "2",
		`bramble_hub_nats_connected`:                                              "1",
		`bramble_hub_newest_frame_timestamp_seconds{camera="gone"}`:               "", // it has none
	} {
		if values[key] != want {
			t.Errorf("%s is %q, want %q", key, values[key], want)
		}
	}
	if values[`bramble_hub_newest_frame_timestamp_seconds{camera="desk"}`] == "" {
		t.Error("the newest frame of desk has no time")
	}
	_ = viewer.Close() // as any viewer does
	r.agents.setAway(true)
	if values, _ = r.scrape(); values["bramble_hub_nats_connected"] != "0" ||
		values[`bramble_hub_camera_up{camera="desk"}`] != "0" {
		t.Error("without NATS, it is connected or a camera is up")
	}
	if desk.Info().State == status.Live {
		t.Error("without NATS a camera is live")
	}
}

// TestDropReasons: every drop reason is documented, and has its metric from the first scrape on, so that rates can
// be computed.
func TestDropReasons(t *testing.T) {
	r := newFixture(t, stream.Config{})
	r.camera("desk", frame.JPEG)
	values, _ := r.scrape()
	page, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	new(drop.Counters).Each(func(reason drop.Reason, _ uint64) {
		if !strings.Contains(string(page), "\n- `"+reason.String()+"`: ") {
			t.Errorf("docs/ref/metrics.md does not tell of the reason %s", reason)
		}
		if values[`bramble_hub_drops_total{camera="desk",format="jpeg",reason="`+reason.String()+`"}`] != "0" {
			t.Errorf("there is no metric of reason %s", reason)
		}
	})
}

// TestAgentMetrics: the agent's own counters become metrics, but only for known drop reasons, so that an agent
// cannot invent label values.
func TestAgentMetrics(t *testing.T) {
	values, _ := everyMetric(t).scrape()
	for key, want := range map[string]string{
		`bramble_hub_agent_drops_total{camera="hot",reason="queue_head"}`: "4",
		`bramble_hub_agent_drops_total{camera="hot",reason="made up"}`:    "",
		`bramble_hub_agent_drops_total{camera="hot",reason="lagged"}`:     "0",
		`bramble_hub_camera_temperature_celsius{camera="hot"}`:            "51.5",
		`bramble_hub_camera_clock_synchronised{camera="hot"}`:             "1",
		`bramble_hub_camera_clock_error_seconds{camera="hot"}`:            "0.0025",
		`bramble_hub_camera_clock_synchronised{camera="astray"}`:          "0",
		`bramble_hub_camera_clock_error_seconds{camera="astray"}`:         "",
		`bramble_hub_camera_clock_synchronised{camera="gone"}`:            "", // it is offline
		`bramble_hub_nats_reconnects_total`:                               "7",
		`bramble_hub_build_info{version="1.2.3"}`:                         "1",
	} {
		if values[key] != want {
			t.Errorf("%s is %q, want %q", key, values[key], want)
		}
	}
}

// rejected returns how many clients a limit has rejected.
func (r *fixture) rejected(limit string) int {
	r.t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(r.srv.tracker)
	families, err := reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "bramble_hub_viewers_refused_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == limit {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	r.t.Fatalf("no limit %s", limit)
	return 0
}
