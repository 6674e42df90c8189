package httpapi

import (
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// scrape reads the metrics: name with labels to value. The names alone are in names.
func (r *rig) scrape() (values map[string]string, names map[string]bool) {
	r.t.Helper()
	resp, body := r.do(http.MethodGet, "/metrics")
	if resp.StatusCode != 200 {
		r.t.Fatalf("%s: %s", resp.Status, body)
	}
	values, names = make(map[string]string), make(map[string]bool)
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			r.t.Errorf("line %q", line)
		}
		name, _, _ := strings.Cut(key, "{")
		values[key], names[name] = value, true
	}
	return values, names
}

// documented reads the table of metrics in the documentation: name to labels.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/ref/http.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Metrics\n")
	table := make(map[string][]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|([^|]*)\\|").FindAllStringSubmatch(section, -1) {
		table[row[1]] = []string{}
		for _, label := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[2], -1) {
			table[row[1]] = append(table[row[1]], label[1])
		}
	}
	return table
}

// TestMetricNames compares names and labels with the documentation.
func TestMetricNames(t *testing.T) {
	r := populated(t)
	desk, err := r.reg.Camera("desk")
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.tr.View(t.Context(), desk, transcode.Rendition{Format: frame.JPEG, Width: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	values, names := r.scrape()
	want := documented(t)
	var ours []string
	for name := range names {
		switch {
		case strings.HasPrefix(name, "bramble_"):
			ours = append(ours, name)
		case !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_"):
			t.Errorf("there is a metric %s", name)
		}
	}
	slices.Sort(ours)
	if all := slices.Sorted(maps.Keys(want)); !slices.Equal(ours, all) || len(all) < 8 {
		t.Errorf("metrics are    %v\ndocumented are %v", ours, all)
	}
	label := regexp.MustCompile(`(\w+)="`)
	for key := range values {
		name, labels, _ := strings.Cut(key, "{")
		if !strings.HasPrefix(name, "bramble_") {
			continue
		}
		got := []string{}
		for _, m := range label.FindAllStringSubmatch(labels, -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, want[name]) {
			t.Errorf("%s: documented labels are %v", key, want[name])
		}
	}
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
	values, _ := r.scrape()
	for key, want := range map[string]string{
		`bramble_hub_frames_in_total{camera="desk",format="jpeg"}`:                "1",
		`bramble_hub_frames_out_total{camera="desk",format="jpeg"}`:               "1",
		`bramble_hub_frames_in_total{camera="gone",format="jpeg"}`:                "0",
		`bramble_hub_drops_total{camera="desk",format="jpeg",reason="gap"}`:       "3",
		`bramble_hub_drops_total{camera="desk",format="jpeg",reason="lagged"}`:    "0",
		`bramble_hub_drops_total{camera="yard",format="h264",reason="old_epoch"}`: "0",
		`bramble_hub_viewers{camera="desk",format="jpeg"}`:                        "1",
		`bramble_hub_viewers{camera="yard",format="h264"}`:                        "0",
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
	if values, _ = r.scrape(); values["bramble_hub_nats_connected"] != "0" || values[`bramble_hub_camera_up{camera="desk"}`] != "0" {
		t.Error("without NATS, it is connected or a camera is up")
	}
	if desk.Info().State == status.Live {
		t.Error("without NATS a camera is live")
	}
}

// Every reason for a drop has its metric from the first scrape on, so that rates can be computed.
func TestDropReasons(t *testing.T) {
	r := newRig(t, stream.Config{})
	r.camera("desk", frame.JPEG)
	values, _ := r.scrape()
	new(drop.Counters).Each(func(reason drop.Reason, _ uint64) {
		if values[`bramble_hub_drops_total{camera="desk",format="jpeg",reason="`+reason.String()+`"}`] != "0" {
			t.Errorf("there is no metric of reason %s", reason)
		}
	})
}
