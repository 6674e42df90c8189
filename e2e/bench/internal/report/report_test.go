package report

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	m := Median([]Run{{"a": 3, "b": math.NaN()}, {"a": 1, "b": math.NaN()}, {"a": 8, "c": 4}, {"a": 2, "c": 5}})
	if m["a"] != 2.5 || m["c"] != 4.5 {
		t.Errorf("medians %v", m)
	}
	if v, ok := m["b"]; ok {
		t.Errorf("a median of nothing is %v", v)
	}
}

func round(baselineCPU, arrived, stolen, foreign float64) Round {
	return Round{map[string]Run{"baseline": {CPU: baselineCPU, Arrived: arrived}, "bramble": {CPU: 30}}, stolen, foreign}
}

func TestQuiet(t *testing.T) {
	quiet := round(20, 100, 0, 0)
	for _, c := range []struct {
		name   string
		rounds []Round
		want   int
		noisy  bool
	}{
		{"all quiet", []Round{quiet, round(21, 99, 0.01, 0.05), round(19, 98, 0, 0)}, 3, false},
		{"the baseline is far from its median", []Round{quiet, quiet, round(24, 100, 0, 0)}, 2, false},
		{"frames did not reach the baseline's viewers", []Round{quiet, round(20, 90, 0, 0)}, 1, false},
		{"time was stolen", []Round{quiet, round(20, 100, 0.03, 0)}, 1, false},
		{"others were at work", []Round{quiet, round(20, 100, 0, 0.2)}, 1, false},
		{"never quiet", []Round{round(20, 100, 0, 0.2), round(20, 100, 0.1, 0)}, 2, true},
		{"no baseline", []Round{{Runs: map[string]Run{"bramble": {}}}, {Runs: map[string]Run{"bramble": {}}, Foreign: 1}}, 1,
			false},
	} {
		got, noisy := DiscardNoisy(c.rounds)
		if len(got) != c.want || noisy != c.noisy {
			t.Errorf("%s: %d rounds count, noisy %v; want %d, %v", c.name, len(got), noisy, c.want, c.noisy)
		}
	}
}

func TestGoal(t *testing.T) {
	others := map[string]float64{"baseline": 10, "none": math.NaN()}
	for _, c := range []struct {
		goal       Goal
		value      float64
		met, known bool
	}{
		{Goal{Limit: 5}, 5, true, true},
		{Goal{Limit: 5}, 5.1, false, true},
		{Goal{Limit: 97, Least: true}, 97, true, true},
		{Goal{Limit: 97, Least: true}, 96, false, true},
		{Goal{Limit: 1.1, Of: "baseline"}, 10.9, true, true},
		{Goal{Limit: 1.1, Of: "baseline"}, 11.1, false, true},
		{Goal{Limit: 1.5, Of: "baseline", Plus: true}, 11.4, true, true},
		{Goal{Limit: 1.5, Of: "baseline", Plus: true}, 11.6, false, true},
		{Goal{Limit: 1, Of: "peer"}, 1, false, false},
		{Goal{Limit: 1, Of: "none"}, 1, false, false},
		{Goal{Limit: 1}, math.NaN(), false, false},
	} {
		if met, known := c.goal.Met(c.value, others); met != c.met || known != c.known {
			t.Errorf("%+v with %v: %v, %v", c.goal, c.value, met, known)
		}
	}
}

func table() *Table {
	return &Table{
		Scenario: "fanout", About: "About it.", Columns: []Column{{CPU, 1, true}, {"RSS MB", 1, false}, {"p50 ms", 2, false}},
		Cases: []Case{{
			Name:  "mjpeg, 10 viewers",
			Goals: map[string]Goal{CPU: {Limit: 1.1, Of: "baseline"}, "RSS MB": {Limit: 30}},
			Rows: []Row{
				{Server: "baseline", Runs: []Run{{CPU: 20, "RSS MB": 13}}},
				{Server: "bramble", Runs: []Run{{CPU: 21, "RSS MB": 31, "p50 ms": math.NaN()}}, Discarded: 2},
			},
		}},
	}
}

func TestPrint(t *testing.T) {
	var b strings.Builder
	if err := table().Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| case | server | CPU µs/frame | RSS MB | p50 ms | runs |",
		"| mjpeg, 10 viewers | baseline | 20.0 | 13.0 |  | 1 |",
		"| mjpeg, 10 viewers | bramble | 21.0 (1.05 ×) | 31.0 |  | 1 (2 discarded) |",
		"| mjpeg, 10 viewers | *goal* | ≤ 1.10 × baseline: met | ≤ 30.0: **missed** |  | |",
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("no line %q in\n%s", line, b.String())
		}
	}
}

func TestJSON(t *testing.T) {
	data, err := json.Marshal(table())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"median":{"CPU µs/frame":21,"RSS MB":31}`) ||
		!strings.Contains(string(data), `"p50 ms":null`) {
		t.Errorf("%s", data)
	}
}
