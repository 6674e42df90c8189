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

// guarded is a server with a good camera and another one, good viewers of the first, and the bad guests that are to come.
type guarded struct {
	*party
	cam   *harness.Camera
	bad   badParty
	agent *proc.Process // a real one, or nil
}

// guestsOnce measures good viewers before, during and after a visit of bad guests.
func (b *Bench) guestsOnce(ctx context.Context, server, kind string, bad badParty) (report.Run, harness.Noise, []string, error) {
	none := harness.Noise{}
	g, err := b.invite(ctx, server, kind, bad)
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
	notes, err := b.visit(ctx, g)
	if err == nil {
		err = b.aftermath(ctx, g)
	}
	g.r[p99Ratio], g.r[afterRatio] = g.r[p99During]/g.r[p99Before], g.r[p99After]/g.r[p99Before]
	return g.r, u.Noise, notes, explain(g.server, err)
}

// invite starts a server, with authentication if it is a hub, and good viewers.
func (b *Bench) invite(ctx context.Context, server, kind string, bad badParty) (*guarded, error) {
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
		if c.Guard, err = c.NewGuard(ctx, dir); err != nil {
			return nil, err
		}
		if bads, err = admit(ctx, c.Guard); err != nil {
			return nil, err
		}
	}
	s, err := c.Start(ctx, server, cam, other)
	if err != nil {
		return nil, err
	}
	g := &guarded{&party{server: s, crowd: loadgen.New(), viewer: loadgen.Viewer{URL: s.URL(cam.Name, kind), Kind: kind}, r: report.Run{}}, cam, badParty{name: bad.name, cut: bad.cut}, nil}
	for _, p := range bad.parties {
		g.bad.parties = append(g.bad.parties, bads.equip(p, s))
	}
	if bad.agent {
		if g.agent, err = b.honest(ctx, s, bads.honest); err != nil {
			s.Stop()
			return nil, err
		}
	}
	g.good = g.crowd.Join(ctx, stalledGood, g.viewer)
	err = first(ctx, g.crowd, []*loadgen.Group{g.good})
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

// seen is what the good viewers have seen in a window of time.
type seen struct{ due, lost, p50, p99 float64 }

// late is how much later than it was sent a frame may be read and still count.
const late = 500 * time.Millisecond

// window counts what the good viewers see of all that their camera sends in d.
func (g *guarded) window(ctx context.Context, d time.Duration) (seen, error) {
	from := g.crowd.Begin()
	if err := g.wait(ctx, d, nil); err != nil {
		return seen{}, err
	}
	to := g.crowd.Until()
	if err := g.wait(ctx, late, nil); err != nil {
		return seen{}, err
	}
	c := g.crowd.End()
	due := float64(stalledGood * g.cam.Sent(from, to))
	return seen{due, due - float64(c.Frames), c.Age(0.5), c.Age(0.99)}, nil
}

// visit lets the bad guests come, stay and be thrown out, and tells what became of them.
func (b *Bench) visit(ctx context.Context, g *guarded) (notes []string, err error) {
	sockets, err := g.server.Proc.Sockets()
	if err != nil {
		return nil, err
	}
	bad, err := b.startRude(ctx, g.bad.parties)
	if err != nil {
		return nil, err
	}
	defer bad.Stop()
	began := time.Now()
	if err := b.stay(ctx, g); err != nil {
		return nil, err
	}
	tcp, _, err := harness.KernelTCP()
	if err != nil {
		return nil, err
	}
	g.r[kernelTCP], g.r[evicted] = float64(tcp)/(1<<20), math.NaN()
	if g.bad.cut && g.server.Name != harness.Floor {
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
	outcomes, err := badclients.Outcomes(bad.Said())
	for _, o := range outcomes {
		notes = append(notes, o.String())
	}
	return notes, err
}

// stay counts what the good viewers see while the bad clients connect and stay.
func (b *Bench) stay(ctx context.Context, g *guarded) error {
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
	g.r[dueDuring], g.r[lostDuring], g.r[p50During], g.r[p99During], g.r[p99Coming] = coming.due+during.due, coming.lost+during.lost, during.p50, during.p99, coming.p99
	return nil
}

// startRude starts the bad guests beside the generator, on what processor time it leaves.
func (b *Bench) startRude(ctx context.Context, parties []badclients.Party) (p *proc.Process, err error) {
	orders, err := badclients.Orders(parties)
	if err != nil {
		return nil, err
	}
	begin := proc.Idly
	if b.Quick { // beside other tests there is no idle time, for minutes
		begin = func(f func() error) error { return f() }
	}
	err = begin(func() error {
		return proc.Pinned(harness.GeneratorCore, func() error {
			p, err = proc.Start(nil, b.Self, "rude", orders)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.WaitSaid(wait, badclients.Ready); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// counted tells what a hub has counted against its cameras and guests, and what it has warned of.
func (g *guarded) counted(ctx context.Context) (notes []string, err error) {
	if g.server.Name != harness.Bramble {
		return nil, nil
	}
	lines, err := g.server.Metrics(ctx)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		theirs := slices.ContainsFunc([]string{g.cam.Name, otherCamera, floodCamera, bigCamera, piCamera}, func(camera string) bool { return strings.Contains(name, `"`+camera+`"`) })
		frames := strings.HasPrefix(name, "bramble_hub_drops_total") || strings.HasPrefix(name, "bramble_hub_frames_in_total")
		if (theirs && frames || strings.HasPrefix(name, "bramble_hub_viewers_") || strings.Contains(name, "refused_total")) && value != "0" {
			notes = append(notes, fmt.Sprintf("%s %s", name, value))
		}
	}
	return append(notes, warnings(g.server.Proc.Said())...), err
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

// aftermath counts what the good viewers see when the bad ones have left, and waits until the memory is back.
func (b *Bench) aftermath(ctx context.Context, g *guarded) error {
	left := time.Now()
	g.r[rssMost], g.r[rssBack] = g.most, math.NaN()
	back := func() (bool, error) {
		m, err := g.server.Proc.Memory()
		if err == nil && mb(m.RSS) <= g.r[rssBefore]+rssMargin && math.IsNaN(g.r[rssBack]) {
			g.r[rssBack] = time.Since(left).Seconds()
		}
		return false, err
	}
	from := g.crowd.Begin()
	if err := g.wait(ctx, b.Span, back); err != nil {
		return err
	}
	to := g.crowd.Until()
	if err := g.wait(ctx, late, back); err != nil {
		return err
	}
	c := g.crowd.End()
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
