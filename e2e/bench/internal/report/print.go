package report

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// subject is the server whose figures have goals, baseline the one to which there are ratios.
const (
	subject  = "bramble"
	baseline = "baseline"
)

// Print writes the table as Markdown: for each case a line per server, and one of the goals.
func (t *Table) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n%s\n\n| case | server |", t.Scenario, t.About)
	for _, c := range t.Columns {
		fmt.Fprintf(&b, " %s |", c.Name)
	}
	b.WriteString(" runs |\n|---|---|" + strings.Repeat("---|", len(t.Columns)+1) + "\n")
	for _, c := range t.Cases {
		t.printCase(&b, c)
	}
	for _, note := range t.Notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

func (t *Table) printCase(b *strings.Builder, c Case) {
	medians := map[string]Run{}
	for _, r := range c.Rows {
		medians[r.Server] = Median(r.Runs)
	}
	for _, r := range c.Rows {
		fmt.Fprintf(b, "| %s | %s |", c.Name, r.Server)
		for _, col := range t.Columns {
			b.WriteString(" " + cell(col, r.Server, medians) + " |")
		}
		fmt.Fprintf(b, " %d", len(r.Runs))
		if r.Discarded > 0 {
			fmt.Fprintf(b, " (%d discarded)", r.Discarded)
		}
		if r.Noisy {
			b.WriteString(", all noisy")
		}
		b.WriteString(" |\n")
	}
	if len(c.Goals) == 0 {
		return
	}
	fmt.Fprintf(b, "| %s | *goal* |", c.Name)
	for _, col := range t.Columns {
		b.WriteString(" " + goalCell(col, c.Goals, medians) + " |")
	}
	b.WriteString(" |\n")
}

func cell(col Column, server string, medians map[string]Run) string {
	v, ok := medians[server][col.Name]
	if !ok || math.IsNaN(v) {
		return ""
	}
	text := fmt.Sprintf("%.*f", col.Digits, v)
	if base := medians[baseline][col.Name]; col.Ratio && server != baseline && base > 0 {
		text += fmt.Sprintf(" (%.2f ×)", v/base)
	}
	return text
}

func goalCell(col Column, goals map[string]Goal, medians map[string]Run) string {
	g, ok := goals[col.Name]
	if !ok {
		return ""
	}
	others := map[string]float64{}
	for server, m := range medians {
		if v, ok := m[col.Name]; ok {
			others[server] = v
		}
	}
	text := g.text(col.Digits)
	v, ok := medians[subject][col.Name]
	switch met, known := g.Met(v, others); {
	case !ok || !known:
		return text
	case met:
		return text + ": met"
	}
	return text + ": **missed**"
}
