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
	rssBefore   = "RSS before MB"
	rssGrowth   = "RSS growth MB"
	rssAfter    = "RSS after MB"
	p99Before   = "good p99 before ms"
	p99Coming   = "good p99 while they come ms"
	p99During   = "good p99 during ms"
	p99Ratio    = "during / before"
	seenBefore  = "good arrived before %"
	seenDuring  = "good arrived during %"
	evicted     = "evicted after s"
	kernelTCP   = "kernel TCP during MB"
	joined      = "joined"
	refused     = "refused"
	pictured    = "of them saw a picture %"
	stalledBad  = 200
	stalledGood = 20
)

func (b *Bench) stalled(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "stalled", Columns: []report.Column{
		report.WithoutRatio(rssBefore, 1), report.WithoutRatio(rssGrowth, 1), report.WithoutRatio(rssAfter, 1),
		report.WithoutRatio(p99Before, 2), report.WithoutRatio(p99Coming, 2), report.WithoutRatio(p99During, 2),
		report.WithoutRatio(p99Ratio, 2),
		report.WithoutRatio(seenBefore, 1), report.WithoutRatio(seenDuring, 1), report.WithoutRatio(evicted, 1),
		report.WithoutRatio(kernelTCP, 0),
	}}
	for _, kind := range []string{"mjpeg", "mp4"}[:b.some(2, 1)] {
		goals := map[string]report.Goal{rssGrowth: {Limit: 5}, p99Ratio: {Limit: 1.1},
			seenDuring: {Limit: 100 * report.MinArrived, Least: true}}
		if kind == "mjpeg" { // it fills the sockets at once, and then has 10 s
			goals[evicted] = report.Goal{Limit: 13}
		}
		servers := slices.DeleteFunc(b.servers(kind), func(s string) bool { return s == harness.Baseline && kind == "mp4" })
		err := b.alternate(ctx, t, kind, servers, b.Each, goals, func(ctx context.Context, server string) (report.Run,
			harness.Noise, error) {
			return b.withBadViewers(ctx, server, kind, stalledGood, b.stall)
		})
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// withBadViewers measures good viewers alone, then while others misbehave, and the server's memory before, meanwhile
// and after.
func (b *Bench) withBadViewers(
	ctx context.Context, server, kind string, good int, misbehave func(context.Context, *badViewerRun) error,
) (report.Run, harness.Noise, error) {
	none := harness.Noise{}
	s, cam, err := b.serve(ctx, server, kind)
	if err != nil {
		return nil, none, err
	}
	defer s.Stop()
	p := &badViewerRun{server: s, generator: loadgen.New(), viewer: loadgen.Viewer{URL: s.URL("bench", kind), Kind: kind},
		rate: cam.Clip.Rate(), r: report.Run{}}
	p.good = p.generator.Join(ctx, good, p.viewer)
	defer p.good.Stop()
	alone, noise, err := b.count(ctx, s, p.generator, []*loadgen.Group{p.good}, good)
	if err != nil {
		return nil, none, err
	}
	p.r[rssBefore], p.r[p99Before], p.r[seenBefore] = alone[rss], alone[p99], alone[report.Arrived]
	p.most = alone[rss]
	if err := misbehave(ctx, p); err != nil {
		return nil, none, explain(s, err)
	}
	p.r[rssGrowth], p.r[p99Ratio] = p.most-alone[rss], p.r[p99During]/p.r[p99Before]
	if err := p.wait(ctx, time.Duration(b.some(5, 2))*time.Second, nil); err != nil {
		return nil, none, explain(s, err)
	}
	m, err := s.Proc.Memory()
	p.r[rssAfter] = mb(m.RSS)
	return p.r, noise, err
}

// badViewerRun is good viewers, and what they and the server show while others misbehave.
type badViewerRun struct {
	server    *harness.Server
	good      *loadgen.Group
	generator *loadgen.Generator // the good ones
	viewer    loadgen.Viewer
	rate      float64 // bytes a second of the stream
	r         report.Run
	most      float64 // MB of memory
}

// wait waits until done returns true, at most for d, and watches the server's memory.
func (p *badViewerRun) wait(ctx context.Context, d time.Duration, done func() (bool, error)) error {
	for end := time.Now().Add(d); time.Now().Before(end); {
		if err := loadgen.Pause(ctx, 100*time.Millisecond, p.good); err != nil {
			return err
		}
		m, err := p.server.Proc.Memory()
		if err != nil {
			return err
		}
		p.most = max(p.most, mb(m.RSS))
		if done == nil {
			continue
		}
		if is, err := done(); is || err != nil {
			return err
		}
	}
	return nil
}

// during counts what n good viewers see in d.
func (p *badViewerRun) during(ctx context.Context, n int, d time.Duration) error {
	began := time.Now()
	p.generator.Begin()
	if err := p.wait(ctx, d, nil); err != nil {
		return err
	}
	r := figures(harness.Usage{}, p.generator.End(), float64(n)*syntheticframes.FPS*time.Since(began).Seconds())
	p.r[p99During], p.r[seenDuring] = r[p99], r[report.Arrived]
	return nil
}

// comeTime is how long those who stall take to come: until their kernels' buffers are full they are viewers like
// others, and cost as much.
const comeTime = 2 * time.Second

// stall lets viewers stall until they are evicted.
func (b *Bench) stall(ctx context.Context, p *badViewerRun) error {
	before, err := p.server.Proc.Sockets()
	if err != nil {
		return err
	}
	began := time.Now()
	v := p.viewer
	v.Stalled = true
	bad := loadgen.New().Join(ctx, stalledBad, v)
	defer bad.Stop()
	if err := p.during(ctx, stalledGood, comeTime); err != nil {
		return err
	}
	p.r[p99Coming] = p.r[p99During]
	if err := p.during(ctx, stalledGood, 4*time.Second); err != nil {
		return err
	}
	tcp, _, err := harness.KernelTCP()
	if err != nil {
		return err
	}
	p.r[kernelTCP] = float64(tcp) / (1 << 20)
	p.r[evicted] = math.NaN()
	if p.server.Name == harness.Baseline {
		return nil // it evicts no viewer
	}
	return p.wait(ctx, time.Duration(b.some(40, 12))*time.Second, func() (bool, error) {
		now, err := p.server.Proc.Sockets()
		if now > before {
			return false, err
		}
		p.r[evicted] = time.Since(began).Seconds()
		return true, err
	})
}

func (b *Bench) storm(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "storm", Columns: []report.Column{
		report.WithoutRatio(rssBefore, 1), report.WithoutRatio(rssGrowth, 1), report.WithoutRatio(rssAfter, 1),
		report.WithoutRatio(p99Before, 2), report.WithoutRatio(p99During, 2), report.WithoutRatio(p99Ratio, 2),
		report.WithoutRatio(seenBefore, 1), report.WithoutRatio(seenDuring, 1), report.WithoutRatio(joined, 0),
		report.WithoutRatio(pictured, 1), report.WithoutRatio(refused, 0),
	}}
	goals := map[string]report.Goal{seenDuring: {Limit: 100 * report.MinArrived, Least: true}, refused: {Limit: 0}}
	return t, b.alternate(ctx, t, "mjpeg", b.servers("mjpeg"), b.Each, goals,
		func(ctx context.Context, server string) (report.Run, harness.Noise, error) {
			return b.withBadViewers(ctx, server, "mjpeg", 100, b.storming)
		})
}

// stay is how long a viewer who comes and goes stays.
const stay = 100 * time.Millisecond

func (b *Bench) storming(ctx context.Context, p *badViewerRun) error {
	generator := loadgen.New()
	v := p.viewer
	v.Stalled = true
	stalled := generator.Join(ctx, stalledBad, v)
	defer stalled.Stop()
	v = p.viewer
	v.Rate = p.rate / 2
	slow := generator.Join(ctx, 50, v)
	defer slow.Stop()
	churn := &loadgen.Churn{}
	churning, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		churn.Run(churning, generator, p.viewer, 300, stay)
	}()
	err := p.during(ctx, 100, 2*b.Span)
	stop()
	<-ended
	p.r[joined], p.r[refused] = float64(churn.Came.Load()), float64(churn.Refused.Load())
	p.r[pictured] = 100 * float64(churn.Pictured.Load()) / float64(churn.Came.Load())
	return err
}
