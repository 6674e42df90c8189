package web

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/sysinfo"
	"github.com/bramble-cam/bramble/internal/reference"
)

const metricsPage = "../../../docs/ref/metrics.md"

// documentedMetric is a line of docs/ref/metrics.md.
type documentedMetric struct {
	kind   string
	help   string
	labels []string            // in the order of a series
	values map[string][]string // of labels with a fixed set of values, in the order of the scrape
}

// openLabels are labels whose values depend on the installation, or that the page lists elsewhere.
var openLabels = []string{"camera", "format", "version", "state", "code"}

// documentedMetrics returns the metrics of a scrape.
func documentedMetrics(scrape []byte) map[string]documentedMetric {
	metrics := make(map[string]documentedMetric)
	label := regexp.MustCompile(`(\w+)="([^"]*)"`)
	for line := range strings.Lines(string(scrape)) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		switch {
		case strings.HasPrefix(line, "# HELP "):
			metrics[words[2]] = documentedMetric{help: words[3], values: make(map[string][]string)}
		case strings.HasPrefix(line, "# TYPE "):
			m := metrics[words[2]]
			m.kind = words[3]
			metrics[words[2]] = m
		default:
			name, labels, _ := strings.Cut(words[0], "{")
			m := metrics[name]
			m.labels = nil
			for _, l := range label.FindAllStringSubmatch(labels, -1) {
				m.labels = append(m.labels, l[1])
				if values := m.values[l[1]]; !slices.Contains(openLabels, l[1]) && !slices.Contains(values, l[2]) {
					m.values[l[1]] = append(values, l[2])
				}
			}
			metrics[name] = m
		}
	}
	return metrics
}

// addClockError adds the metric that a host has only while something synchronizes its clock.
func addClockError(t *testing.T, metrics map[string]documentedMetric) {
	t.Helper()
	const name = "bramble_hub_clock_error_seconds"
	descs := make(chan *prometheus.Desc, 100)
	sysinfo.NewCollector().Describe(descs)
	close(descs)
	for desc := range descs {
		if m := regexp.MustCompile(`fqName: "` + name + `", help: "([^"]*)"`).FindStringSubmatch(desc.String()); m != nil {
			metrics[name] = documentedMetric{kind: "gauge", help: m[1]}
			return
		}
	}
	t.Errorf("the hub has no %s", name)
}

// metricsList returns the lines of metrics for which of reports true. Names tell their type.
func metricsList(metrics map[string]documentedMetric, of func(documentedMetric) bool) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		m := metrics[name]
		if !of(m) {
			continue
		}
		var labels []string
		for _, l := range m.labels {
			if l != "camera" {
				labels = append(labels, "`"+l+"`")
			}
		}
		line := "- `" + strings.TrimPrefix(name, "bramble_hub_") + "`"
		if len(labels) > 0 {
			line += " (" + strings.Join(labels, ", ") + ")"
		}
		b.WriteString(line + ": " + m.help + "\n")
	}
	return b.String()
}

// TestMetricsReference compares docs/ref/metrics.md with a scrape of a hub that has something of everything.
func TestMetricsReference(t *testing.T) {
	metrics := documentedMetrics(everyMetric(t).scrapeText())
	addClockError(t, metrics)
	maps.DeleteFunc(metrics, func(name string, _ documentedMetric) bool { return !strings.HasPrefix(name, "bramble_") })
	for name, m := range metrics {
		if (m.kind == "counter") != strings.HasSuffix(name, "_total") || !strings.HasPrefix(name, "bramble_hub_") {
			t.Errorf("%s is a %s; the page says that counters of the hub end in _total", name, m.kind)
		}
	}
	ofCamera := func(m documentedMetric) bool { return slices.Contains(m.labels, "camera") }
	reference.Check(t, metricsPage, "hub", metricsList(metrics, func(m documentedMetric) bool { return !ofCamera(m) }))
	reference.Check(t, metricsPage, "cameras", metricsList(metrics, ofCamera))
}
