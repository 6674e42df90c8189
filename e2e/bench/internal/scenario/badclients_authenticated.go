//go:build linux

package scenario

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/badclients"
	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// piCamera is the camera of a real agent, which bad clients ask for more than viewers do. One good viewer watches it.
const piCamera = "pi"

// Names of columns, of that agent.
const (
	agentCPUBefore    = "agent CPU before %"
	agentCPUDuring    = "agent CPU during %"
	agentUplinkBefore = "agent uplink before MB/s"
	agentUplinkDuring = "agent uplink during MB/s"
)

// byUser marks a group of requests that show a user's token. Others have a signed link.
const byUser = "user"

// authenticatedCases are the cases with bad consumers, agents and viewers that have a good credential.
func authenticatedCases() []badClientCase {
	deep := badclients.Group{Kind: badclients.DeepSubjects, N: 1500, Depth: 1900}
	deepConsumer := deep
	deepConsumer.Consumer = true
	ask := func(verb string, n int) badclients.Group {
		return badclients.Group{Kind: badclients.Questions, Consumer: true, Target: piCamera, Verb: verb, N: n}
	}
	controls := badclients.Group{
		Kind:  badclients.Requests,
		N:     32,
		Token: byUser,
		URLs:  []string{"api/v1/cameras/" + piCamera + "/controls"},
	}
	var list []badClientCase
	for _, c := range []struct {
		name   string
		groups []badclients.Group
	}{
		{"consumer-deep", []badclients.Group{deepConsumer}},
		{"consumer-subscriptions",
			[]badclients.Group{{Kind: badclients.Subscriptions, Consumer: true, Target: otherCamera, N: 16_000}}},
		{"consumer-connections", []badclients.Group{{Kind: badclients.Connections, Consumer: true, Target: otherCamera,
			N: 150}}},
		{"consumer-snapshots", []badclients.Group{ask("snapshot", 64)}},
		{"consumer-questions", []badclients.Group{ask("info", 200)}},
		{"agent-deep", []badclients.Group{deep}},
		{"agent-status", []badclients.Group{{Kind: badclients.StatusFlood, Camera: floodCamera, Depth: 60_000,
			PerSecond: 2500}}},
		{"agent-forger", []badclients.Group{{Kind: badclients.Forger, Camera: floodCamera, Target: "bench",
			PerSecond: 19_000}}},
		{"agent-strings", []badclients.Group{{Kind: badclients.Hostile, Camera: floodCamera, PerSecond: 50}}},
		{"viewer-controls", []badclients.Group{controls}},
		{"viewer-transcodes", []badclients.Group{renditions(byUser, ".mjpeg", "", "30", "50", "65"),
			renditions("", ".mjpeg", "", "80", "90", "100")}},
		{"viewer-tiles", []badclients.Group{renditions(byUser, ".mjpeg", "&fps=5", "30", "50", "65"),
			renditions("", ".mjpeg", "&fps=5", "80", "90", "100")}},
		{"viewer-stills", []badclients.Group{renditions(byUser, ".jpeg", "&max_age=0s", "30", "50", "65"),
			renditions("", ".jpeg", "&max_age=0s", "80", "90", "100")}},
		{"stranger-guesses", []badclients.Group{{Kind: badclients.Guesses, N: 32}}},
	} {
		list = append(list, badClientCase{name: c.name, groups: c.groups, agent: true})
	}
	return list
}

// renditions are viewers with renditions that no other viewer requests.
func renditions(token, extension, more string, qualities ...string) badclients.Group {
	p := badclients.Group{Kind: badclients.Requests, Token: token}
	for _, quality := range qualities {
		for _, rotate := range []int{0, 90, 180, 270} {
			for _, width := range []int{160, 320, 640} {
				p.URLs = append(p.URLs, fmt.Sprintf("cam/%s%s?quality=%s&rotate=%d&width=%d%s",
					otherCamera, extension, quality, rotate, width, more))
			}
		}
	}
	p.N = len(p.URLs)
	return p
}

// credentials are those of the bad clients of a hub, and of the honest agent.
type credentials struct{ agent, consumer, viewer, wellBehaved string }

// issueCredentials makes them known to a hub.
func issueCredentials(ctx context.Context, to *harness.Credentials) (c credentials, err error) {
	agent, err := to.Agent(ctx, "stranger", floodCamera, bigCamera)
	if err != nil {
		return c, err
	}
	consumer, err := to.Consumer(ctx, "consumer", "bench", otherCamera, piCamera)
	if err != nil {
		return c, err
	}
	viewer, err := to.Viewer(ctx, "viewer", otherCamera, piCamera)
	if err != nil {
		return c, err
	}
	honest, err := to.Agent(ctx, "honest", piCamera)
	if err != nil {
		return c, err
	}
	for _, camera := range []string{floodCamera, bigCamera, piCamera} {
		if err := to.Link(ctx, camera); err != nil {
			return c, err
		}
	}
	return credentials{agent.Reveal(), consumer.Reveal(), viewer.Reveal(), honest.Reveal()}, nil
}

// addTo gives a group what it needs at a server.
func (c credentials) addTo(p badclients.Group, s *harness.Server) badclients.Group {
	p.URL, p.NATS, p.Seed = s.URL(otherCamera, "mjpeg"), s.NATS, c.agent
	if p.Consumer {
		p.Seed = c.consumer
	}
	switch {
	case p.Kind == badclients.Guesses:
		p.URL = s.Page + "login"
	case p.Camera != "":
		p.URL = s.URL(p.Camera, "mjpeg")
	}
	_, link, _ := strings.Cut(p.URL, "?")
	paths := p.URLs
	p.URLs = nil
	for _, path := range paths {
		if p.Token == "" {
			path += "&" + link
		}
		p.URLs = append(p.URLs, s.Page+path)
	}
	if p.Token == byUser {
		p.Token = c.viewer
	}
	return p
}

// startWellBehavedAgent is a real agent whose camera has a viewer.
func (b *Bench) startWellBehavedAgent(ctx context.Context, s *harness.Server, seed string) (*proc.Process, error) {
	pictures, err := b.jpeg()
	if err != nil {
		return nil, err
	}
	clip := filepath.Join(b.Dir, "pi.mjpeg")
	if err := os.WriteFile(clip, pictures.Bytes(), 0o600); err != nil {
		return nil, err
	}
	agent, err := b.StartAgent(s.NATS, "--credential", seed, "--camera", piCamera+"=file:"+clip+"#fps=25")
	if err != nil {
		return nil, err
	}
	s.OnStop(agent.Stop)
	if err := s.WaitKnown(ctx, piCamera); err != nil {
		return nil, fmt.Errorf("%w; the agent said:\n%s", err, agent.Output())
	}
	viewer := loadgen.New().Join(ctx, 1, loadgen.Viewer{URL: s.URL(piCamera, "mjpeg"), Kind: "mjpeg"})
	s.OnStop(func() { viewer.Stop() })
	return agent, nil
}

// measureAgent begins to measure the agent, if there is one. The returned function ends that, for columns of these
// names.
func (g *guarded) measureAgent(cpu, uplink string) (end func() error, err error) {
	if g.agent == nil {
		return func() error { return nil }, nil
	}
	began := time.Now()
	used, err := g.agent.CPU()
	if err != nil {
		return nil, err
	}
	written, err := g.agent.Written()
	return func() error {
		took := time.Since(began).Seconds()
		nowUsed, err := g.agent.CPU()
		if err != nil {
			return err
		}
		nowWritten, err := g.agent.Written()
		g.r[cpu], g.r[uplink] = 100*(nowUsed-used).Seconds()/took, float64(nowWritten-written)/1e6/took
		return err
	}, err
}
