//go:build linux

package scenario

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
)

func (b *Bench) latency(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "latency", Columns: []report.Column{report.WithoutRatio(p50, 2),
		report.WithoutRatio(p99, 2), report.WithoutRatio(report.Arrived, 1), report.WithoutRatio(agentRSS,
			1), report.WithoutRatio(agentCPU, 1)}}
	goals := map[string]report.Goal{p50: {Limit: 0.5, Of: harness.Baseline, Plus: true},
		p99: {Limit: 1.5, Of: harness.Baseline, Plus: true}}
	for _, kind := range []string{"mjpeg", "mp4"} {
		cam, err := b.camera(kind)
		if err != nil {
			return nil, err
		}
		one := watched{[]*harness.Camera{cam}, []string{kind}, 1}
		run := func(ctx context.Context, server string) (report.Run, harness.Noise, error) {
			return b.watch(ctx, server, one)
		}
		if err := b.alternate(ctx, t, kind+", 1 viewer", b.servers(kind), max(b.Each, min(b.Runs, 2)), goals,
			run); err != nil {
			return nil, err
		}
		if kind != "mjpeg" {
			continue
		}
		run = func(ctx context.Context, server string) (report.Run, harness.Noise, error) {
			if server == harness.Bramble {
				return b.throughAgent(ctx)
			}
			return b.watch(ctx, server, one)
		}
		if err := b.alternate(ctx, t, "mjpeg, 1 viewer, real agent with exec:", []string{harness.Baseline, harness.Bramble},
			max(b.Each, min(b.Runs, 2)), goals, run); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// throughAgent watches a camera whose frames a real agent reads from this program's standard output.
func (b *Bench) throughAgent(ctx context.Context) (report.Run, harness.Noise, error) {
	s, agent, err := b.agents(ctx, nil, "--camera", "bench=exec:"+b.Self+" camera#format=mjpeg")
	if err != nil {
		return nil, harness.Noise{}, err
	}
	defer s.Stop()
	if err := s.WaitKnown(ctx, "bench"); err != nil {
		return nil, harness.Noise{}, fmt.Errorf("%w; the agent said:\n%s", err, agent.Output())
	}
	generator := loadgen.New()
	g := generator.Join(ctx, 1, loadgen.Viewer{URL: s.URL("bench", "mjpeg"), Kind: "mjpeg"})
	defer g.Stop()
	before, err := agent.CPU()
	if err != nil {
		return nil, harness.Noise{}, err
	}
	began := time.Now()
	r, noise, err := b.count(ctx, s, generator, []*loadgen.Group{g}, 1, agent)
	if err != nil {
		return nil, noise, err
	}
	cpu, err := agent.CPU()
	if err != nil {
		return nil, noise, err
	}
	m, err := agent.Memory()
	r[agentRSS], r[agentCPU] = mb(m.RSS), float64(cpu-before)/1000/(syntheticframes.FPS*time.Since(began).Seconds())
	return r, noise, err
}

// Names of columns.
const (
	agentRSS = "agent RSS MB"
	agentCPU = "agent CPU µs/frame"
)

// Names of columns.
const (
	oneJPEG = "1 JPEG × 200 µs/frame"
	oneH264 = "1 H.264 × 200 µs/frame"
	fifty   = "50 × 4 µs/frame"
	ratio   = "50 × 4 / mean of 1 × 200"
)

func (b *Bench) cameras(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "cameras", Columns: []report.Column{
		report.WithRatio(oneJPEG, 1), report.WithRatio(oneH264, 1), report.WithRatio(fifty, 1), report.WithoutRatio(ratio, 2),
		report.WithoutRatio(report.Arrived, 1), report.WithoutRatio(rss, 1), report.WithoutRatio(p99, 1),
	}}
	var many watched
	many.viewers = 4
	for n := range 50 {
		kind := []string{"mjpeg", "mp4"}[n%2]
		cam, err := b.named("cam"+strconv.Itoa(n), kind)
		if err != nil {
			return nil, err
		}
		many.cameras, many.kinds = append(many.cameras, cam), append(many.kinds, kind)
	}
	each := []struct {
		name string
		watched
	}{{oneJPEG, watched{many.cameras[:1], many.kinds[:1], 200}}, {oneH264,
		watched{many.cameras[1:2], many.kinds[1:2], 200}}, {fifty, many}}
	goals := map[string]report.Goal{ratio: {Limit: 1.25}}
	return t, b.alternate(ctx, t, "mjpeg and mp4", []string{harness.Baseline, harness.Bramble}, b.Each, goals,
		func(ctx context.Context, server string) (out report.Run, noise harness.Noise, err error) {
			out = report.Run{}
			for _, e := range each {
				r, n, err := b.watch(ctx, server, e.watched)
				if err != nil {
					return nil, n, fmt.Errorf("%s: %w", e.name, err)
				}
				out[e.name] = r[report.CPU]
				out[report.Arrived], out[rss], out[p99] = r[report.Arrived], r[rss], r[p99] // of the fifty, in the end
				noise.Stolen, noise.Foreign = max(noise.Stolen, n.Stolen), max(noise.Foreign, n.Foreign)
			}
			out[ratio] = out[fifty] / ((out[oneJPEG] + out[oneH264]) / 2) // each kind has half of the frames
			return out, noise, nil
		})
}

// Names of columns.
const (
	p99Alone   = "p99 alone ms"
	p99Mixed   = "p99 beside ms"
	seenAlone  = "arrived alone %"
	seenMixed  = "arrived beside %"
	seenLarge  = "large arrived %"
	mixedRatio = "beside / alone"
)

func (b *Bench) mixed(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "mixed", Columns: []report.Column{
		report.WithoutRatio(p99Alone, 2), report.WithoutRatio(p99Mixed, 2), report.WithoutRatio(mixedRatio, 2),
		report.WithoutRatio(seenAlone, 1), report.WithoutRatio(seenMixed, 1), report.WithoutRatio(seenLarge, 1),
		report.WithoutRatio(rss, 1),
	}}
	small, err := syntheticframes.Pictures(320, 240, 10<<10, 4)
	if err != nil {
		return nil, err
	}
	b.logf("mixed: drawing pictures of 3840x2160")
	large, err := syntheticframes.Pictures(3840, 2160, 1000<<10, 2)
	if err != nil {
		return nil, err
	}
	return t, b.alternate(ctx, t, "320x240 beside 3840x2160", []string{harness.Baseline, harness.Bramble}, b.Each, nil,
		func(ctx context.Context, server string) (report.Run, harness.Noise, error) {
			return b.mixedOnce(ctx, server, &harness.Camera{Name: "small", Clip: small},
				&harness.Camera{Name: "large", Clip: large})
		})
}

func (b *Bench) mixedOnce(
	ctx context.Context, server string, small, large *harness.Camera,
) (report.Run, harness.Noise, error) {
	none := harness.Noise{}
	s, err := b.Start(ctx, server, small, large)
	if err != nil {
		return nil, none, err
	}
	defer s.Stop()
	large.SetDead(true)
	generator := loadgen.New()
	few := generator.Join(ctx, 10, loadgen.Viewer{URL: s.URL("small", "mjpeg"), Kind: "mjpeg"})
	defer few.Stop()
	alone, n1, err := b.count(ctx, s, generator, []*loadgen.Group{few}, 10)
	if err != nil {
		return nil, none, err
	}
	large.SetDead(false)
	big := loadgen.New()
	others := big.Join(ctx, 10, loadgen.Viewer{URL: s.URL("large", "mjpeg"), Kind: "mjpeg"})
	defer others.Stop()
	big.Begin()
	began := time.Now()
	beside, n2, err := b.count(ctx, s, generator, []*loadgen.Group{few, others}, 10)
	if err != nil {
		return nil, none, err
	}
	seenBig := 100 * float64(big.End().Frames) / (10 * syntheticframes.FPS * time.Since(began).Seconds())
	return report.Run{
		p99Alone: alone[p99], p99Mixed: beside[p99], mixedRatio: beside[p99] / alone[p99], seenAlone: alone[report.Arrived],
		seenMixed: beside[report.Arrived], seenLarge: seenBig, rss: beside[rss],
	}, harness.Noise{Stolen: max(n1.Stolen, n2.Stolen), Foreign: max(n1.Foreign, n2.Foreign)}, nil
}
