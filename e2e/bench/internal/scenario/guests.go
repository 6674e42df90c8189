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

// badParty is a case of the scenario guests.
type badParty struct {
	name    string
	parties []badclients.Party
	floor   bool // the floor can have it too: no agent and no header's deadline is needed
	cut     bool // the hub closes these connections after 10 s, and that is waited for
	agent   bool // a real agent is there too
}

// The bad viewers look at another good camera; the agents that misbehave have these.
const (
	otherCamera = "other"
	floodCamera = "flood"
	bigCamera   = "big"
)

func badParties() []badParty {
	stalled := badclients.Party{Kind: badclients.Stalled, N: 500}
	slow := badclients.Party{Kind: badclients.Slow, N: 100}
	half := badclients.Party{Kind: badclients.Half, N: 300}
	storm := badclients.Party{Kind: badclients.Storm, N: 300}
	flood := badclients.Party{Kind: badclients.Flood, Camera: floodCamera, Size: 50_000, PerSecond: 1000}
	watched := flood
	watched.Viewers = 5
	big := badclients.Party{Kind: badclients.Flood, Camera: bigCamera, Size: frame.MaxPayload - 4096, PerSecond: 10, Viewers: 2}
	tooBig := badclients.Party{Kind: badclients.TooBig, Camera: bigCamera, Size: frame.MaxPayload + 1<<20, PerSecond: 10}
	return append([]badParty{
		{"stalled", []badclients.Party{stalled}, true, true, false},
		{"slow", []badclients.Party{slow}, true, true, false},
		{"half", []badclients.Party{half}, false, true, false},
		{"storm", []badclients.Party{storm}, true, false, false},
		{"flood", []badclients.Party{flood}, false, false, false},
		{"flood-watched", []badclients.Party{watched}, false, false, false},
		{"big", []badclients.Party{big}, false, false, false},
		{"too-big", []badclients.Party{tooBig}, false, false, false},
		{"all", []badclients.Party{stalled, slow, half, storm, watched, big, tooBig}, false, true, false},
	}, badClients()...)
}

// Parties returns the names of the cases of the scenario guests.
func Parties() (names []string) {
	for _, p := range badParties() {
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

// rssMargin is how much more memory than before still counts as back, in MB: it goes up and down by that with each collection of garbage.
const rssMargin = 2

func (b *Bench) guests(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "guests", Columns: []report.Column{
		report.Alone(dueDuring, 0), report.Alone(lostBefore, 0), report.Alone(lostDuring, 0), report.Alone(lostAfter, 0),
		report.Alone(p50Before, 2), report.Alone(p50During, 2), report.Alone(p99Before, 2), report.Alone(p99Coming, 2), report.Alone(p99During, 2), report.Alone(p99After, 2),
		report.Alone(p99Ratio, 2), report.Alone(afterRatio, 2), report.Alone(cpuDuring, 0),
		report.Alone(rssBefore, 1), report.Alone(rssMost, 1), report.Alone(rssAfter, 1), report.Alone(anonBefore, 1), report.Alone(anonAfter, 1), report.Alone(rssBack, 1), report.Alone(evicted, 1), report.Alone(kernelTCP, 0),
		report.Alone(agentCPUBefore, 1), report.Alone(agentCPUDuring, 1), report.Alone(agentUplinkBefore, 2), report.Alone(agentUplinkDuring, 2),
	}}
	for _, kind := range b.Kinds[:b.some(len(b.Kinds), 1)] {
		for _, bad := range badParties() {
			if len(b.Parties) > 0 && !slices.Contains(b.Parties, bad.name) {
				continue
			}
			servers := []string{harness.Bramble}
			if bad.floor && kind == "mjpeg" { // of H.264 it is no fair comparison: it jumps into the middle of a GOP
				servers = []string{harness.Floor, harness.Bramble}
			}
			goals := map[string]report.Goal{lostDuring: {Limit: 0}, p99Ratio: {Limit: 1.1}, rssBack: {Limit: backTime.Seconds()}}
			err := b.turns(ctx, t, kind+", "+bad.name, servers, b.Each, goals, func(ctx context.Context, server string) (report.Run, harness.Noise, error) {
				r, noise, notes, err := b.guestsOnce(ctx, server, kind, bad)
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

// backTime bounds the wait for the memory that the bad guests took: a camera lingers for 10 s, then the next collection of garbage gives its frames back.
const backTime = 30 * time.Second
