// Package report turns the figures of runs into tables: medians, ratios to the baseline, goals, and what was discarded
// as noise.
package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Run is the figures of one run, by the name of their column. NaN means that there is none.
type Run map[string]float64

// Median returns each figure's median over the runs that have one.
func Median(runs []Run) Run {
	values := map[string][]float64{}
	for _, r := range runs {
		for name, v := range r {
			if !math.IsNaN(v) {
				values[name] = append(values[name], v)
			}
		}
	}
	out := Run{}
	for name, list := range values {
		slices.SortFunc(list, cmp.Compare[float64])
		out[name] = (list[(len(list)-1)/2] + list[len(list)/2]) / 2
	}
	return out
}

// Column is one figure of a table.
type Column struct {
	Name   string // with its unit: "CPU µs/frame"
	Digits int    // behind the point
	Ratio  bool   // shown beside its ratio to the baseline's
}

// WithoutRatio returns a column of figures.
func WithoutRatio(name string, digits int) Column { return Column{Name: name, Digits: digits} }

// WithRatio returns a column of figures with their ratios to the baseline's.
func WithRatio(name string, digits int) Column {
	return Column{Name: name, Digits: digits, Ratio: true}
}

// Goal is the most that a figure should be, or with Least the least.
type Goal struct {
	Limit float64 `json:"limit"`
	Of    string  `json:"of,omitempty"`   // the server whose figure Limit multiplies; empty for none
	Plus  bool    `json:"plus,omitempty"` // Limit is added to that figure, and not multiplied
	Least bool    `json:"least,omitempty"`
}

// Met reports whether a figure meets the goal, and whether that can be said: it needs the other server's figure too.
func (g Goal) Met(v float64, others map[string]float64) (met, known bool) {
	limit := g.Limit
	if g.Of != "" {
		other, ok := others[g.Of]
		if !ok {
			return false, false
		}
		if g.Plus {
			limit += other
		} else {
			limit *= other
		}
	}
	if math.IsNaN(v) || math.IsNaN(limit) {
		return false, false
	}
	if g.Least {
		return v >= limit, true
	}
	return v <= limit, true
}

func (g Goal) text(digits int) string {
	sign := "≤"
	if g.Least {
		sign = "≥"
	}
	switch {
	case g.Of == "":
		return fmt.Sprintf("%s %.*f", sign, digits, g.Limit)
	case g.Plus:
		return fmt.Sprintf("%s %s + %.*f", sign, g.Of, digits, g.Limit)
	}
	return fmt.Sprintf("%s %.2f × %s", sign, g.Limit, g.Of)
}

// Row is what one server has shown in one case.
type Row struct {
	Server    string `json:"server"`
	Runs      []Run  `json:"-"`
	Discarded int    `json:"discarded"` // further runs, which were too noisy
	Noisy     bool   `json:"noisy"`     // no run was quiet, so noisy ones count
}

// Case is rows that are compared with one another.
type Case struct {
	Name  string          `json:"case"`
	Rows  []Row           `json:"rows"`
	Goals map[string]Goal `json:"goals,omitempty"` // of Bramble's figures, by column
}

// Table is the outcome of a scenario.
type Table struct {
	Scenario string   `json:"scenario"`
	About    string   `json:"about"`
	Columns  []Column `json:"-"`
	Cases    []Case   `json:"cases"`
	Notes    []string `json:"notes,omitempty"`
}

// MarshalJSON adds the medians and each run's figures. What is not known is null.
func (r Row) MarshalJSON() ([]byte, error) {
	type plain Row
	runs := make([]map[string]*float64, len(r.Runs))
	for i, run := range r.Runs {
		runs[i] = nullable(run)
	}
	return json.Marshal(struct {
		plain
		Median map[string]*float64   `json:"median"`
		Runs   []map[string]*float64 `json:"runs"`
	}{plain(r), nullable(Median(r.Runs)), runs})
}

func nullable(r Run) map[string]*float64 {
	out := make(map[string]*float64, len(r))
	for name, v := range r {
		if out[name] = nil; !math.IsNaN(v) && !math.IsInf(v, 0) {
			out[name] = &v
		}
	}
	return out
}
