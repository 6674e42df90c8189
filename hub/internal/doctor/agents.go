package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/ingest"
	"github.com/bramble-cam/bramble/internal/request"
	"github.com/bramble-cam/bramble/shared/status"
)

const (
	infoTimeout = 500 * time.Millisecond // JetStream answers at once

	agentsTimeout = 1500 * time.Millisecond // agents answer within a second, or are heard later
	hotCelsius    = 80                      // degrees Celsius from which a Raspberry Pi slows down
	maxClockAhead = 2 * time.Second         // by which an agent's clock must be before this one to be noticed
)

// agentList collects the answers of agents.
type agentList struct {
	mu       sync.Mutex
	statuses map[string]status.Status // by camera; guarded by mu
}

// OnStatus implements ingest.Observer.
func (r *agentList) OnStatus(s status.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statuses[s.Camera] = s
}

// OnReconnect implements ingest.Observer.
func (r *agentList) OnReconnect() {}

// agents asks all agents how they are.
func (e *examination) agents(ctx context.Context, urls string) {
	nc, err := e.connect(urls)
	if err != nil {
		e.checkRejected(err)
		return
	}
	e.hubs(ctx, nc)
	e.jetStream(ctx, nc)
	if e.cfg.NATSURL != "" {
		e.subscriptionLimits(nc)
	}
	nc.Close()
	in, err := ingest.Dial(ingest.Config{URL: urls, Space: e.cfg.Space, Trust: e.cfg.Trust, Log: e.cfg.Log},
		e.cfg.Credential.Options()...)
	if err != nil {
		e.fail("NATS", err.Error(), "write nats://HOST:PORT")
		return
	}
	defer in.Close()
	ctx, cancel := context.WithTimeout(ctx, agentsTimeout)
	defer cancel()
	r := &agentList{statuses: make(map[string]status.Status)}
	if err := in.Run(ctx, r); err != nil {
		e.fail("NATS", err.Error(), "see what this hub may do there")
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	byAgent := make(map[string][]status.Status)
	for _, s := range r.statuses {
		byAgent[s.Instance] = append(byAgent[s.Instance], s)
	}
	if len(byAgent) == 0 {
		e.warn("agents", "none answers", "start one on each Pi: bramble-agent --hub URL; with another "+
			"{subject-root} than the hub's they are not found")
		return
	}
	var list [][]status.Status
	for _, cameras := range byAgent {
		slices.SortFunc(cameras, func(a, b status.Status) int { return cmp.Compare(a.Camera, b.Camera) })
		list = append(list, cameras)
	}
	slices.SortFunc(list, func(a, b []status.Status) int {
		return cmp.Or(cmp.Compare(a[0].Host, b[0].Host), cmp.Compare(a[0].Camera, b[0].Camera))
	})
	for _, cameras := range list {
		e.agent(cameras, time.Now())
	}
}

// jetStream finds out whether the cameras' account has JetStream. The server answers this even where it is off, and
// says so.
func (e *examination) jetStream(ctx context.Context, nc *nats.Conn) {
	ctx, cancel := context.WithTimeout(ctx, infoTimeout)
	defer cancel()
	var answer struct{ Error json.RawMessage }
	msg, err := request.Do(ctx, nc, "$JS.API.INFO", nil)
	if err != nil || json.Unmarshal(msg.Data, &answer) != nil || answer.Error != nil {
		return // it is off, or this hub may not ask
	}
	e.warn("NATS", "JetStream is on in the account of the cameras: "+
		"a stream there can store every frame, and keeps all cameras running",
		"give JetStream an account of its own, as deployments/nats/websocket-mqtt.conf does")
}

// subscriptionLimits checks whether the server limits the depth of subscriptions. If it does, nats.go closes the
// connection, which is not used after that.
func (e *examination) subscriptionLimits(nc *nats.Conn) {
	sub, err := nc.SubscribeSync("bramble.doctor.a.b.c.d.e.f.g")
	if err == nil {
		err = nc.FlushTimeout(answerTimeout)
	}
	if err != nil {
		return // it does, or the connection is lost, which another check reports
	}
	_ = sub.Unsubscribe() // the connection is closed next
	e.warn("NATS", "it accepts subscriptions of any depth, so one client can fill its memory",
		"max_subscription_tokens: 8 and max_control_line: 1KB in its configuration, "+
			"as in deployments/nats/nats.conf; leave allow_responses out of its users")
}

// checkRejected says why agents cannot be looked at.
func (e *examination) checkRejected(err error) {
	switch {
	case !errors.Is(err, nats.ErrAuthorization):
		e.fail("NATS", err.Error(), "check that the server runs, and that it is the right one")
	case e.cfg.NATSURL != "":
		e.fail("NATS", "it refuses this hub", "make the hub known there, and give its NKey with {nats-credential-file}")
	default:
		e.ok("agents", "not checked, because NATS requires credentials; the page and /api/v1/cameras show their versions")
	}
}

// agent judges one agent by what its cameras say.
func (e *examination) agent(cameras []status.Status, now time.Time) {
	s := cameras[0]
	var names []string
	for _, c := range cameras {
		names = append(names, c.Camera)
	}
	who := fmt.Sprintf("%s (%s)", s.Host, strings.Join(names, ", "))
	well := len(e.findings)
	if minor(s.Agent) != minor(e.cfg.Version) {
		e.warn("agents", fmt.Sprintf("%s has version %s, this program %s", who, s.Agent, e.cfg.Version),
			"agents and hubs should have the same first two numbers: update the older")
	}
	if ahead := s.Started.Sub(now); ahead > maxClockAhead {
		e.warn("agents", fmt.Sprintf("the clock of %s is %v or more before this host's", who,
			ahead.Round(time.Second)), "timedatectl set-ntp true on both")
	} else if s.Clock.Error < 0 {
		e.warn("agents", fmt.Sprintf("nothing keeps the clock of %s right", who),
			"timedatectl set-ntp true there; a Pi has no battery clock")
	}
	if s.Temperature != nil && *s.Temperature >= hotCelsius {
		e.warn("agents", fmt.Sprintf("%s has %.0f °C", who, *s.Temperature), "more air: it slows down")
	}
	for _, c := range cameras {
		if c.State == status.Degraded {
			e.warn("agents", fmt.Sprintf("camera %s at %s gives no frames", c.Camera, c.Host), c.Reason)
		}
		if c.Warning != "" {
			e.warn("agents", fmt.Sprintf("camera %s at %s works, but not as it should", c.Camera, c.Host), c.Warning)
		}
	}
	if len(e.findings) == well {
		e.ok("agents", "%s has version %s, and a clock that is right within %.1f ms", who, s.Agent,
			float64(s.Clock.Error)/1e3)
	}
}

// minor returns the first two numbers of a version.
func minor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}
