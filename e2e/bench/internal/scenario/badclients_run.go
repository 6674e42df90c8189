//go:build linux

package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/badclients"
	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// guarded is a server with a good camera and another one, good viewers of the first, and the bad clients that are to
// come.
type guarded struct {
	*badViewerRun
	cam   *harness.Camera
	bad   badClientCase
	agent *proc.Process // a real one, or nil
}

// badClientsOnce measures good viewers before, during and after a visit of bad clients.
func (b *Bench) badClientsOnce(
	ctx context.Context, server, kind string, bad badClientCase,
) (report.Run, harness.Noise, []string, error) {
	none := harness.Noise{}
	g, err := b.startGuarded(ctx, server, kind, bad)
	if err != nil {
		return nil, none, nil, err
	}
	defer g.server.Stop()
	defer g.good.Stop()
	end, err := g.server.Measure(ctx)
	if err != nil {
		return nil, none, nil, err
	}
	endAgent, err := g.measureAgent(agentCPUBefore, agentUplinkBefore)
	if err != nil {
		return nil, none, nil, err
	}
	before, err := g.window(ctx, b.Span)
	if err != nil {
		return nil, none, nil, explain(g.server, err)
	}
	if err := endAgent(); err != nil {
		return nil, none, nil, err
	}
	u, err := end()
	if err != nil {
		return nil, none, nil, err
	}
	g.most = mb(u.RSS)
	g.r[rssBefore], g.r[anonBefore] = mb(u.RSS), mb(u.Anon)
	g.r[lostBefore], g.r[p50Before], g.r[p99Before] = before.lost, before.p50, before.p99
	notes, err := b.runBadClients(ctx, g)
	if err == nil {
		err = b.measureAfter(ctx, g)
	}
	g.r[p99Ratio], g.r[afterRatio] = g.r[p99During]/g.r[p99Before], g.r[p99After]/g.r[p99Before]
	return g.r, u.Noise, notes, explain(g.server, err)
}

// startGuarded starts a server, with authentication if it is a hub, and good viewers.
func (b *Bench) startGuarded(ctx context.Context, server, kind string, bad badClientCase) (*guarded, error) {
	cam, err := b.camera(kind)
	if err != nil {
		return nil, err
	}
	other, err := b.named(otherCamera, "mjpeg")
	if err != nil {
		return nil, err
	}
	c := b.Config
	var bads credentials
	if server == harness.Bramble {
		dir, err := os.MkdirTemp(b.Dir, "guarded-")
		if err != nil {
			return nil, err
		}
		if c.Guard, err = c.NewCredentials(ctx, dir); err != nil {
			return nil, err
		}
		if bads, err = issueCredentials(ctx, c.Guard); err != nil {
			return nil, err
		}
	}
	s, err := c.Start(ctx, server, cam, other)
	if err != nil {
		return nil, err
	}
	g := &guarded{&badViewerRun{server: s, generator: loadgen.New(), viewer: loadgen.Viewer{URL: s.URL(cam.Name, kind),
		Kind: kind}, r: report.Run{}}, cam, badClientCase{name: bad.name, cut: bad.cut}, nil}
	for _, p := range bad.groups {
		g.bad.groups = append(g.bad.groups, bads.addTo(p, s))
	}
	if bad.agent {
		if g.agent, err = b.startWellBehavedAgent(ctx, s, bads.wellBehaved); err != nil {
			s.Stop()
			return nil, err
		}
	}
	g.good = g.generator.Join(ctx, stalledGood, g.viewer)
	err = first(ctx, g.generator, []*loadgen.Group{g.good})
	if err == nil {
		err = loadgen.Pause(ctx, b.Settle, g.good)
	}
	if err != nil {
		g.good.Stop()
		err = explain(s, err)
		s.Stop()
	}
	return g, err
}

// windowResult is what the good viewers have seen in a window of time.
type windowResult struct{ due, lost, p50, p99 float64 }

// late is how much later than it was sent a frame may be read and still count.
const late = 500 * time.Millisecond

// window counts what the good viewers see of all that their camera sends in d.
func (g *guarded) window(ctx context.Context, d time.Duration) (windowResult, error) {
	from := g.generator.Begin()
	if err := g.wait(ctx, d, nil); err != nil {
		return windowResult{}, err
	}
	to := g.generator.Until()
	if err := g.wait(ctx, late, nil); err != nil {
		return windowResult{}, err
	}
	c := g.generator.End()
	due := float64(stalledGood * g.cam.Sent(from, to))
	return windowResult{due, due - float64(c.Frames), c.Age(0.5), c.Age(0.99)}, nil
}

// runBadClients lets the bad clients come, stay and be thrown out, and tells what became of them.
func (b *Bench) runBadClients(ctx context.Context, g *guarded) (notes []string, err error) {
	sockets, err := g.server.Proc.Sockets()
	if err != nil {
		return nil, err
	}
	bad, err := b.startBadClients(ctx, g.bad.groups)
	if err != nil {
		return nil, err
	}
	defer bad.Stop()
	began := time.Now()
	if err := b.measureDuring(ctx, g); err != nil {
		return nil, err
	}
	tcp, _, err := harness.KernelTCP()
	if err != nil {
		return nil, err
	}
	g.r[kernelTCP], g.r[evicted] = float64(tcp)/(1<<20), math.NaN()
	if g.bad.cut && g.server.Name != harness.Baseline {
		err = g.wait(ctx, time.Duration(b.some(13, 0))*time.Second-time.Since(began), func() (bool, error) {
			now, err := g.server.Proc.Sockets()
			if now > sockets {
				return false, err
			}
			g.r[evicted] = time.Since(began).Seconds()
			return true, err
		})
	}
	if err != nil {
		return nil, err
	}
	if notes, err = g.counted(ctx); err != nil {
		return nil, err
	}
	bad.Stop()
	outcomes, err := badclients.Outcomes(bad.Output())
	for _, o := range outcomes {
		notes = append(notes, o.String())
	}
	return notes, err
}

// measureDuring counts what the good viewers see while the bad clients connect and stay.
func (b *Bench) measureDuring(ctx context.Context, g *guarded) error {
	coming, err := g.window(ctx, comeTime)
	if err != nil {
		return err
	}
	cpu, at := time.Duration(0), time.Now()
	if cpu, err = g.server.Proc.CPU(); err != nil {
		return err
	}
	endAgent, err := g.measureAgent(agentCPUDuring, agentUplinkDuring)
	if err != nil {
		return err
	}
	during, err := g.window(ctx, b.Span)
	if err != nil {
		return err
	}
	if err := endAgent(); err != nil {
		return err
	}
	after, err := g.server.Proc.CPU()
	if err != nil {
		return err
	}
	g.r[cpuDuring] = 100 * (after - cpu).Seconds() / time.Since(at).Seconds()
	g.r[dueDuring], g.r[lostDuring], g.r[p50During], g.r[p99During], g.r[p99Coming] = coming.due+during.due, coming.lost+
		during.lost, during.p50, during.p99, coming.p99
	return nil
}

// startBadClients starts the bad clients beside the generator, on what processor time it leaves.
func (b *Bench) startBadClients(ctx context.Context, groups []badclients.Group) (p *proc.Process, err error) {
	encoded, err := badclients.EncodeGroups(groups)
	if err != nil {
		return nil, err
	}
	begin := proc.AtIdlePriority
	if b.Quick { // beside other tests there is no idle time, for minutes
		begin = func(f func() error) error { return f() }
	}
	err = begin(func() error {
		return proc.OnCore(harness.GeneratorCore, func() error {
			p, err = proc.Start(nil, b.Self, misbehave, encoded)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, firstFrameTimeout)
	defer cancel()
	if err := p.WaitOutput(wait, badclients.Ready); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// counted tells what a hub has counted against its cameras and clients, and what it has warned of.
func (g *guarded) counted(ctx context.Context) (notes []string, err error) {
	if g.server.Name != harness.Bramble {
		return nil, nil
	}
	lines, err := g.server.Metrics(ctx)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		theirs := slices.ContainsFunc([]string{g.cam.Name, otherCamera, floodCamera, bigCamera, piCamera},
			func(camera string) bool { return strings.Contains(name, `"`+camera+`"`) })
		frames := strings.HasPrefix(name, "bramble_hub_drops_total") || strings.HasPrefix(name, "bramble_hub_frames_in_total")
		if (theirs && frames || strings.HasPrefix(name, "bramble_hub_viewers_") || strings.Contains(name, "refused_total")) &&
			value != "0" {
			notes = append(notes, fmt.Sprintf("%s %s", name, value))
		}
	}
	return append(notes, warnings(g.server.Proc.Output())...), err
}

// warnings returns what a hub has logged as worse than usual, each once with how often.
func warnings(said string) (list []string) {
	counts := map[string]int{}
	for line := range strings.Lines(said) {
		var l struct{ Level, Msg, Err string }
		if json.Unmarshal([]byte(line), &l) == nil && (l.Level == "WARN" || l.Level == "ERROR") {
			text := l.Msg[strings.LastIndex(l.Msg, `" - `)+1:] // NATS names the connection in front of that
			counts[strings.TrimSuffix(strings.TrimPrefix(text, " - ")+": "+l.Err, ": ")]++
		}
	}
	for _, text := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("the hub logs %d × %q", counts[text], text))
	}
	return list
}

// measureAfter counts what the good viewers see when the bad ones have left, and waits until the memory is back.
func (b *Bench) measureAfter(ctx context.Context, g *guarded) error {
	left := time.Now()
	g.r[rssMost], g.r[rssBack] = g.most, math.NaN()
	back := func() (bool, error) {
		m, err := g.server.Proc.Memory()
		if err == nil && mb(m.RSS) <= g.r[rssBefore]+rssMargin && math.IsNaN(g.r[rssBack]) {
			g.r[rssBack] = time.Since(left).Seconds()
		}
		return false, err
	}
	from := g.generator.Begin()
	if err := g.wait(ctx, b.Span, back); err != nil {
		return err
	}
	to := g.generator.Until()
	if err := g.wait(ctx, late, back); err != nil {
		return err
	}
	c := g.generator.End()
	g.r[lostAfter], g.r[p99After] = float64(stalledGood*g.cam.Sent(from, to)-c.Frames), c.Age(0.99)
	rest := time.Duration(b.some(int(backTime/time.Second), 0))*time.Second - time.Since(left)
	err := g.wait(ctx, rest, func() (bool, error) {
		_, err := back()
		return !math.IsNaN(g.r[rssBack]), err
	})
	if err != nil {
		return err
	}
	m, err := g.server.Proc.Memory()
	g.r[rssAfter], g.r[anonAfter] = mb(m.RSS), mb(m.Anon)
	return err
}
