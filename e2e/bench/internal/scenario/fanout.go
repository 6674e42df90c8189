//go:build linux

package scenario

import (
	"context"
	"fmt"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
)

// usual are the columns of a scenario in which one server after the other has viewers.
func usual() []report.Column {
	return []report.Column{report.WithRatio(report.CPU, 1), report.WithoutRatio(rss, 1), report.WithoutRatio(anon, 1),
		report.WithoutRatio(allocs, 2), report.WithoutRatio(p50, 2), report.WithoutRatio(p99, 2), report.WithoutRatio(
			report.Arrived, 1)}
}

func (b *Bench) fanout(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "fanout", Columns: usual()}
	if b.Broker != "" {
		t.Columns = append(t.Columns, report.WithoutRatio(brokerCPU, 1), report.WithoutRatio(brokerRSS, 1))
	}
	for _, kind := range b.Kinds {
		for _, n := range b.Viewers {
			cam, err := b.camera(kind)
			if err != nil {
				return nil, err
			}
			run := func(ctx context.Context, server string) (report.Run, harness.Noise, error) {
				return b.watch(ctx, server, watched{[]*harness.Camera{cam}, []string{kind}, n})
			}
			err = b.alternate(ctx, t, fmt.Sprintf("%s, %d viewers", kind, n), b.servers(kind), b.Runs, fanoutGoals(kind, n), run)
			if err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// fanoutGoals are stated for some numbers of viewers; of those between, the next larger number's hold.
func fanoutGoals(kind string, viewers int) map[string]report.Goal {
	for _, g := range []struct {
		viewers    int
		ratio, rss float64
	}{{10, 1.15, 30}, {100, 1.10, 33}, {300, 1.10, 38}, {1000, 1.10, 55}} {
		if viewers > g.viewers {
			continue
		}
		if kind == "ws" { // nothing is promised of it
			return nil
		}
		if kind != "mjpeg" { // a fragment's header is more bytes
			g.ratio = 1.25
		}
		goals := map[string]report.Goal{report.CPU: {Limit: g.ratio, Of: harness.Baseline}, rss: {Limit: g.rss},
			report.Arrived: {Limit: 100 * report.MinArrived, Least: true}}
		if kind == "mp4" && viewers == 300 {
			goals[p50], goals[p99] = report.Goal{Limit: 3}, report.Goal{Limit: 11}
		}
		return goals
	}
	return nil
}
