package golden

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestMetrics compares names, types and help of the hub's metrics, with their labels and the values of those.
func TestMetrics(t *testing.T) {
	r := start(t, nil)
	r.populate(r.connect())
	r.do(request{target: "/cam/desk.mjpeg?width=160", stream: r.parts})
	r.do(request{target: "/cam/yard.h264", stream: r.annexB})
	var text string
	testutil.Eventually(t, "what was watched is in the metrics", func() bool {
		text = string(r.do(request{target: "/metrics"}).body)
		return strings.Contains(text, "bramble_hub_rendition_frames_total")
	})
	var got strings.Builder
	for _, m := range regexp.MustCompile(`(?m)^# HELP (bramble_\S+) (.*)\n# TYPE \S+ (\S+)\n((?:[^#].*\n)*)`).
		FindAllStringSubmatch(text, -1) {
		if dependsOnHost(m[1]) {
			continue
		}
		fmt.Fprintf(&got, "%s (%s)\n  %s\n", m[1], m[3], m[2])
		values := map[string]map[string]bool{}
		for _, label := range regexp.MustCompile(`[{,](\w+)="([^"]*)"`).FindAllStringSubmatch(m[4], -1) {
			if values[label[1]] == nil {
				values[label[1]] = map[string]bool{}
			}
			values[label[1]][label[2]] = true
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(&got, "  %s: %s\n", name, strings.Join(slices.Sorted(maps.Keys(values[name])), ", "))
		}
	}
	compare(t, "metrics.txt", got.String())
}

// dependsOnHost reports whether a metric is absent on some hosts.
func dependsOnHost(name string) bool {
	return name == "bramble_hub_clock_error_seconds" || name == "bramble_hub_memory_limit_bytes"
}
