//go:build linux

package scenario

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/e2e/bench/internal/badclients"
	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestBadClients: some bad clients of each kind come, do what they are called after, and leave; each figure is there.
func TestBadClients(t *testing.T) {
	testutil.System(t, "runs the benchmark")
	b := bench(t)
	bad := badClientCase{name: "some of each", groups: []badclients.Group{
		{Kind: badclients.Stalled, N: 3}, {Kind: badclients.Slow, N: 3}, {Kind: badclients.Half, N: 3},
		{Kind: badclients.Storm, N: 3},
		{Kind: badclients.Flood, Camera: floodCamera, Size: 50_000, PerSecond: 100, Viewers: 1},
		{Kind: badclients.TooBig, Camera: bigCamera, Size: frame.MaxPayload + 4096, PerSecond: 10},
	}}
	r, _, notes, err := b.badClientsOnce(t.Context(), harness.Bramble, "mjpeg", bad)
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{dueDuring, p50Before, p50During, p99Before, p99Coming, p99During, p99After, p99Ratio,
		afterRatio, cpuDuring, rssBefore, rssMost, rssAfter, anonBefore, anonAfter, kernelTCP} {
		if v := r[column]; !(v > 0) || math.IsInf(v, 0) {
			t.Errorf("%s is %v", column, v)
		}
	}
	told := strings.Join(notes, "\n")
	for _, want := range []string{
		"stalled: 3 connections, 0 of them", "slow: 3 connections, 0 of them", "half: 3 connections, 0 of them", "storm: ",
		" pictures seen", " messages published", `bramble_hub_frames_in_total{camera="flood",format="jpeg"}`,
	} {
		if !strings.Contains(strings.ToLower(told), want) {
			t.Errorf("%q is not told in\n%s", want, told)
		}
	}
	if !regexp.MustCompile(`too big: \d+ connections, [1-9]`).MatchString(told) {
		t.Errorf("no agent was disconnected for a message above max_payload:\n%s", told)
	}
}

// TestAuthenticatedCases: some bad consumers, agents, viewers and clients without credentials of each kind connect. The
// report says what became of them, and they harm no good viewer.
func TestAuthenticatedCases(t *testing.T) {
	testutil.System(t, "runs the benchmark")
	b := bench(t)
	all := badClientCase{name: "some of each", agent: true}
	for _, bad := range authenticatedCases() {
		for _, p := range bad.groups {
			p.N, p.PerSecond = min(p.N, 3), min(p.PerSecond, 50)
			all.groups = append(all.groups, p)
		}
	}
	r, _, notes, err := b.badClientsOnce(t.Context(), harness.Bramble, "mjpeg", all)
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{agentCPUBefore, agentCPUDuring, agentUplinkBefore, agentUplinkDuring,
		p99During, rssAfter} {
		if v := r[column]; !(v > 0) || math.IsInf(v, 0) {
			t.Errorf("%s is %v", column, v)
		}
	}
	told := strings.Join(notes, "\n")
	for _, pattern := range []string{
		`deep subjects: [1-9]`, `subscriptions: [1-9]`, `connections: [1-9]`,
		`(?s)questions: [1-9].* answers of .*questions: [1-9].* answers of `, `status flood: .*, [1-9]\d* messages published`,
		`forged replies: .*, [1-9]\d* messages published`, `hostile strings: .*, [1-9]\d* messages published`,
		`password guesses: .*401`, `requests: .*answer`,
	} {
		if !regexp.MustCompile(pattern).MatchString(told) {
			t.Errorf("%q is not told in\n%s", pattern, told)
		}
	}
}

// TestBadClientCases: each case of the scenario is complete.
func TestBadClientCases(t *testing.T) {
	for _, p := range badClientCases() {
		if p.agent {
			continue
		}
		for _, group := range p.groups {
			agent := group.Kind == badclients.Flood || group.Kind == badclients.TooBig
			if p.name == "" || agent != (group.Camera != "") || agent != (group.Size > 0 && group.PerSecond > 0) ||
				agent == (group.N > 0) || agent && p.baseline {
				t.Errorf("%s: %+v", p.name, group)
			}
		}
	}
}
