package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	deployments = "../../../deployments/"
	dashboard   = deployments + "grafana/bramble.json"
	alerts      = deployments + "prometheus/alerts.yml"
)

// promtool returns where promtool is: in PATH, or where scripts/install-test-deps.sh puts it.
func promtool(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("promtool"); err == nil {
		return path
	}
	if dir, err := os.UserCacheDir(); err == nil {
		if path, err := exec.LookPath(filepath.Join(dir, "bramble", "promtool")); err == nil {
			return path
		}
	}
	t.Skip("promtool is not installed: make test gets it where it can")
	return ""
}

func checkByPromtool(t *testing.T, stdin []byte, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), promtool(t), args...)
	cmd.Stdin = bytes.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

// TestPromtool checks the metrics, the configuration and the alerts with Prometheus' own tool, and runs the tests of
// the alerts.
func TestPromtool(t *testing.T) {
	r := everyMetric(t)
	checkByPromtool(t, ours(r.scrapeText()), "check", "metrics")
	checkByPromtool(t, nil, "check", "config", deployments+"prometheus/prometheus.yml")
	checkByPromtool(t, nil, "test", "rules", deployments+"prometheus/alerts_test.yml")
	var rules strings.Builder
	rules.WriteString("groups:\n- name: panels\n  rules:\n")
	for i, expr := range panels(t) {
		expr = strings.NewReplacer("$__rate_interval", "5m", "$job", "x", "$instance", "x", "$camera", "x").Replace(expr)
		fmt.Fprintf(&rules, "  - record: panel:%d\n    expr: %q\n", i, expr)
	}
	file := filepath.Join(t.TempDir(), "panels.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	checkByPromtool(t, nil, "check", "rules", file)
}

// ours removes the metrics of the Prometheus library. Some of them do not follow the rules for names.
func ours(scrape []byte) []byte {
	var kept bytes.Buffer
	for line := range bytes.Lines(scrape) {
		if bytes.HasPrefix(line, []byte("bramble_")) || bytes.HasPrefix(line, []byte("# TYPE bramble_")) ||
			bytes.HasPrefix(line, []byte("# HELP bramble_")) {
			kept.Write(line)
		}
	}
	return kept.Bytes()
}

// panels checks the dashboard and returns the expressions in it.
func panels(t *testing.T) (exprs []string) {
	t.Helper()
	data, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	type source struct{ Type, UID string }
	var d struct {
		UID           string
		SchemaVersion int
		Templating    struct {
			List []struct{ Name, Type, Definition string }
		}
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     struct{ X, Y, W, H int }
			Datasource  source
			Targets     []struct {
				Expr       string
				Datasource source
			}
		}
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	if d.UID != "bramble" || d.SchemaVersion < 36 || len(d.Templating.List) == 0 ||
		d.Templating.List[0].Type != "datasource" {
		t.Errorf("uid %q, schema %d, variables %v", d.UID, d.SchemaVersion, d.Templating.List)
	}
	for _, v := range d.Templating.List[1:] {
		exprs = append(exprs, regexp.MustCompile(`^label_values\((.*), \w+\)$`).ReplaceAllString(v.Definition, "$1"))
	}
	from := source{"prometheus", "${datasource}"}
	ids := map[int]bool{}
	for i, p := range d.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 || i > 0 && p.GridPos.Y < d.Panels[i-1].GridPos.Y {
			t.Errorf("panel %d, %q: its id is taken, or its place is not behind the one before: %+v", p.ID, p.Title, p.GridPos)
		}
		ids[p.ID] = true
		if p.Type != "row" && (len(p.Targets) == 0 || p.Datasource != from) {
			t.Errorf("panel %q: %d expressions, from %v", p.Title, len(p.Targets), p.Datasource)
		}
		for _, target := range p.Targets {
			if target.Datasource != from {
				t.Errorf("panel %q takes %s from %v", p.Title, target.Expr, target.Datasource)
			}
			exprs = append(exprs, target.Expr)
		}
	}
	return exprs
}

// rule is one of the alerts.
type rule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) (list []rule) {
	t.Helper()
	data, err := os.ReadFile(alerts)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		list = append(list, g.Rules...)
	}
	return list
}

// TestAlertTexts: each alert has a summary, a severity, a link to the remedy, and a test.
func TestAlertTexts(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/guide/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(deployments + "prometheus/alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllSubmatch(guide, -1) {
		text := regexp.MustCompile("[^a-z0-9 -]").ReplaceAllString(strings.ToLower(string(m[1])), "")
		anchors[strings.ReplaceAll(text, " ", "-")] = true
	}
	list := rules(t)
	if len(list) < 10 {
		t.Errorf("%d alerts", len(list))
	}
	for _, r := range list {
		page, anchor, _ := strings.Cut(r.Annotations["runbook_url"], "#")
		switch {
		case !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]):
			t.Errorf("%s has the severity %q", r.Alert, r.Labels["severity"])
		case r.Annotations["summary"] == "" || r.Annotations["description"] == "":
			t.Errorf("%s lacks summary or description", r.Alert)
		case !strings.HasSuffix(page, "/docs/guide/operate.md") || !anchors[anchor]:
			t.Errorf("%s: its remedy %s#%s is not there", r.Alert, page, anchor)
		case bytes.Count(tests, []byte(r.Alert)) < 2:
			t.Errorf("%s has no test in alerts_test.yml that lets it fire, or none that does not", r.Alert)
		}
	}
}

// TestExpressions: the dashboard, the alerts and their tests use metrics and labels that exist.
func TestExpressions(t *testing.T) {
	known := documentedMetrics(everyMetric(t).scrapeText())
	addClockError(t, known)
	name := regexp.MustCompile(`\b(?:bramble|process|go)_\w+`)
	selector := regexp.MustCompile(`\b((?:bramble|process|go)_\w+)\{([^}]*)\}`)
	label := regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)"`)
	used := map[string]bool{}
	exprs := panels(t)
	for _, r := range rules(t) {
		exprs = append(exprs, r.Expr)
	}
	tests, err := os.ReadFile(deployments + "prometheus/alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, expr := range append(exprs, string(tests)) {
		for _, n := range name.FindAllString(expr, -1) {
			if _, ok := known[n]; !ok {
				t.Errorf("the hub has no metric %s, which this expression uses: %.200s", n, expr)
			}
			used[n] = true
		}
		for _, m := range selector.FindAllStringSubmatch(expr, -1) {
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				if !slices.Contains(append([]string{"job", "instance"}, known[m[1]].labels...), l[1]) {
					t.Errorf("%s has no label %s: %.200s", m[1], l[1], expr)
				}
			}
		}
	}
	if len(used) < 25 {
		t.Errorf("%d metrics are asked for", len(used))
	}
}
