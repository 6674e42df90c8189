//go:build linux

package scenario

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
)

// Names of columns.
const (
	stayed = "viewers that stayed %"
	gapP50 = "gap p50 ms"
	gapMax = "gap most ms"
)

const (
	silence   = 3 * time.Second
	witnesses = 10
)

func (b *Bench) outage(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "outage", Columns: []report.Column{report.WithoutRatio(stayed, 0),
		report.WithoutRatio(gapP50, 0), report.WithoutRatio(gapMax, 0)}}
	goals := map[string]report.Goal{stayed: {Limit: 100, Least: true}, gapMax: {Limit: loadgen.Millis(silence) + 500}}
	for _, kind := range []string{"mjpeg", "h264", "mp4"} {
		servers := slices.DeleteFunc(b.servers(kind), func(s string) bool { return s == harness.Baseline })
		err := b.alternate(ctx, t, kind, servers, b.Each, goals, func(ctx context.Context, server string) (report.Run,
			harness.Noise, error) {
			return b.outageOnce(ctx, server, kind)
		})
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (b *Bench) outageOnce(ctx context.Context, server, kind string) (report.Run, harness.Noise, error) {
	none := harness.Noise{}
	s, cam, err := b.serve(ctx, server, kind)
	if err != nil {
		return nil, none, err
	}
	defer s.Stop()
	var groups []*loadgen.Group // of one viewer each, so that each can be asked how it fared
	generator := loadgen.New()
	for range witnesses {
		g := generator.Join(ctx, 1, loadgen.Viewer{URL: s.URL("bench", kind), Kind: kind})
		defer g.Stop()
		groups = append(groups, g)
	}
	if err := loadgen.Pause(ctx, b.Settle, groups...); err != nil {
		return nil, none, explain(s, err)
	}
	end, err := s.Measure(ctx)
	if err != nil {
		return nil, none, err
	}
	cam.SetDead(true)
	if err := loadgen.Pause(ctx, silence); err != nil {
		return nil, none, err
	}
	generator.Begin()
	cam.SetDead(false)
	for waited := time.Duration(0); waited < 15*time.Second &&
		generator.Frames() < syntheticframes.FPS*witnesses; waited += silence / 10 {
		if err := loadgen.Pause(ctx, silence/10); err != nil {
			return nil, none, err
		}
	}
	u, err := end()
	if err != nil {
		return nil, none, err
	}
	n := 0
	var gaps []time.Duration
	for _, g := range groups {
		if loadgen.Pause(ctx, 0, g) == nil {
			n++
		}
		for _, seen := range g.Stop() {
			if seen.Gap > silence/2 { // else it saw nothing afterwards
				gaps = append(gaps, seen.Gap)
			}
		}
	}
	slices.Sort(gaps)
	r := report.Run{stayed: 100 * float64(n) / witnesses, gapP50: loadgen.Quantile(gaps, 0.5),
		gapMax: loadgen.Quantile(gaps, 1)}
	if len(gaps) == 0 {
		r[gapP50], r[gapMax] = math.Inf(1), math.Inf(1)
	}
	return r, u.Noise, nil
}
