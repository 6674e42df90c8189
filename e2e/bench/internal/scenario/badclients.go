//go:build linux

package scenario

import (
	"context"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/badclients"
	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/shared/frame"
)

// badClientCase is a case of the scenario clients.
type badClientCase struct {
	name     string
	groups   []badclients.Group
	baseline bool // the baseline can have it too: no agent and no header's deadline is needed
	cut      bool // the hub closes these connections after 10 s, and that is waited for
	agent    bool // a real agent is there too
}

// The bad viewers look at another good camera; the agents that misbehave have these.
const (
	otherCamera = "other"
	floodCamera = "flood"
	bigCamera   = "big"
)

func badClientCases() []badClientCase {
	stalled := badclients.Group{Kind: badclients.Stalled, N: 500}
	slow := badclients.Group{Kind: badclients.Slow, N: 100}
	half := badclients.Group{Kind: badclients.Half, N: 300}
	storm := badclients.Group{Kind: badclients.Storm, N: 300}
	flood := badclients.Group{Kind: badclients.Flood, Camera: floodCamera, Size: 50_000, PerSecond: 1000}
	watched := flood
	watched.Viewers = 5
	big := badclients.Group{Kind: badclients.Flood, Camera: bigCamera, Size: frame.MaxPayload - 4096, PerSecond: 10,
		Viewers: 2}
	tooBig := badclients.Group{Kind: badclients.TooBig, Camera: bigCamera, Size: frame.MaxPayload + 1<<20, PerSecond: 10}
	return append([]badClientCase{
		{"stalled", []badclients.Group{stalled}, true, true, false},
		{"slow", []badclients.Group{slow}, true, true, false},
		{"half", []badclients.Group{half}, false, true, false},
		{"storm", []badclients.Group{storm}, true, false, false},
		{"flood", []badclients.Group{flood}, false, false, false},
		{"flood-watched", []badclients.Group{watched}, false, false, false},
		{"big", []badclients.Group{big}, false, false, false},
		{"too-big", []badclients.Group{tooBig}, false, false, false},
		{"all", []badclients.Group{stalled, slow, half, storm, watched, big, tooBig}, false, true, false},
	}, authenticatedCases()...)
}

// BadClientNames returns the names of the cases of the scenario clients.
func BadClientNames() (names []string) {
	for _, p := range badClientCases() {
		names = append(names, p.name)
	}
	return names
}

// Names of columns.
const (
	lostBefore = "lost before"
	dueDuring  = "frames due during"
	lostDuring = "lost during"
	lostAfter  = "lost after"
	p50Before  = "p50 before ms"
	p50During  = "p50 during ms"
	p99After   = "good p99 after ms"
	afterRatio = "after / before"
	cpuDuring  = "CPU during %"
	rssMost    = "RSS most MB"
	anonBefore = "of it anonymous before MB"
	anonAfter  = "of it anonymous after MB"
	rssBack    = "RSS back after s"
)

// rssMargin is how much more memory than before still counts as back, in MB: it goes up and down by that with each
// collection of garbage.
const rssMargin = 2

func (b *Bench) badClients(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "bad-clients", Columns: []report.Column{
		report.WithoutRatio(dueDuring, 0), report.WithoutRatio(lostBefore, 0), report.WithoutRatio(lostDuring, 0),
		report.WithoutRatio(lostAfter, 0),
		report.WithoutRatio(p50Before, 2), report.WithoutRatio(p50During, 2), report.WithoutRatio(p99Before, 2),
		report.WithoutRatio(p99Coming, 2), report.WithoutRatio(p99During, 2), report.WithoutRatio(p99After, 2),
		report.WithoutRatio(p99Ratio, 2), report.WithoutRatio(afterRatio, 2), report.WithoutRatio(cpuDuring, 0),
		report.WithoutRatio(rssBefore, 1), report.WithoutRatio(rssMost, 1), report.WithoutRatio(rssAfter, 1),
		report.WithoutRatio(anonBefore, 1), report.WithoutRatio(anonAfter, 1), report.WithoutRatio(rssBack, 1),
		report.WithoutRatio(evicted, 1), report.WithoutRatio(kernelTCP, 0),
		report.WithoutRatio(agentCPUBefore, 1), report.WithoutRatio(agentCPUDuring, 1),
		report.WithoutRatio(agentUplinkBefore, 2), report.WithoutRatio(agentUplinkDuring, 2),
	}}
	for _, kind := range b.Kinds[:b.some(len(b.Kinds), 1)] {
		for _, bad := range badClientCases() {
			if len(b.BadClients) > 0 && !slices.Contains(b.BadClients, bad.name) {
				continue
			}
			servers := []string{harness.Bramble}
			if bad.baseline && kind == "mjpeg" { // of H.264 it is no fair comparison: it jumps into the middle of a GOP
				servers = []string{harness.Baseline, harness.Bramble}
			}
			goals := map[string]report.Goal{lostDuring: {Limit: 0}, p99Ratio: {Limit: 1.1}, rssBack: {Limit: backTime.Seconds()}}
			err := b.alternate(ctx, t, kind+", "+bad.name, servers, b.Each, goals,
				func(ctx context.Context, server string) (report.Run, harness.Noise, error) {
					r, noise, notes, err := b.badClientsOnce(ctx, server, kind, bad)
					for _, note := range notes {
						t.Notes = append(t.Notes, "* "+kind+", "+bad.name+", "+server+": "+note)
					}
					return r, noise, err
				})
			if err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// backTime bounds the wait for the memory that the bad clients took: a camera lingers for 10 s, then the next
// collection of garbage gives its frames back.
const backTime = 30 * time.Second
