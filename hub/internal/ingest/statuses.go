package ingest

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/bramble-cam/bramble/internal/logkey"
)

// Limits of one camera's status documents. An agent sends one every 5 s, and when something changes.
const (
	statusPerSecond = 10
	statusAtOnce    = 20
	statusBytes     = 32 << 10  // a second
	statusBurst     = 256 << 10 // bytes at once

	// maxExcess is how many documents beyond that a camera may send in a second before the hub unsubscribes from it.
	maxExcess = 32
)

const (
	// minAway and maxAway bound how long the hub unsubscribes from a camera's status: longer each time.
	minAway = time.Second
	maxAway = 4 * time.Second

	// calm is the time without a flood after which all cameras share one subscription again.
	calm = 10 * time.Second

	// unheardAfter is how long a silent camera keeps its place when there is no room for another one.
	unheardAfter = time.Minute

	// maxGates is how many cameras have their own gate: twice as many as the hub knows. All others share one.
	maxGates = 8192
)

var errStatusFlood = errors.New("its agent sends more status documents than 10, or 32 KiB, a second: " +
	"the excess is dropped, and the hub ignores its status for some seconds")

// statuses receives the status documents of all cameras by one subscription. That cannot exclude a camera that floods.
// While a camera floods, each other camera has its own subscription, and the hub asks for new cameras.
// NATS drops messages without a subscriber.
type statuses struct {
	in   *Ingest
	take func(camera string, msg *nats.Msg) // checks a document and passes it on; may be called by several goroutines

	mu    sync.Mutex
	gates map[string]*gate   // by camera; guarded by mu
	all   *nats.Subscription // guarded by mu; nil while each camera has its own
	ended bool               // guarded by mu
}

// gate limits the messages of one camera. It is guarded by the mutex of statuses; the limiters guard themselves.
type gate struct {
	frames, bandwidth *rate.Limiter // of everything that the camera sends, from Limits; nil: no limit

	docs, bytes *rate.Limiter
	heard       time.Time
	excess      int           // documents dropped in the second that began at excessAt
	excessAt    time.Time     //
	pause       time.Duration // how long the hub last unsubscribed
	away        time.Time     // end of that time; zero if there was none
	sub         *nats.Subscription
}

func newGate(l Limits) *gate {
	frames, bandwidth := l.limiters()
	return &gate{
		frames: frames, bandwidth: bandwidth,
		docs: rate.NewLimiter(statusPerSecond, statusAtOnce), bytes: rate.NewLimiter(statusBytes, statusBurst),
	}
}

func newStatuses(in *Ingest) *statuses {
	return &statuses{in: in, take: func(string, *nats.Msg) {}, gates: make(map[string]*gate)}
}

// begin subscribes.
func (s *statuses) begin(take func(camera string, msg *nats.Msg)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take = take
	return s.togetherLocked()
}

// end unsubscribes for good.
func (s *statuses) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	leave(&s.all)
	for _, g := range s.gates {
		leave(&g.sub)
	}
}

// limiters returns the limiters of everything that a camera sends.
func (s *statuses) limiters(camera string) (frames, bandwidth *rate.Limiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.ofLocked(camera, time.Now())
	return g.frames, g.bandwidth
}

// ofLocked returns the gate of a camera.
func (s *statuses) ofLocked(camera string, now time.Time) *gate {
	if s.gates[camera] == nil && len(s.gates) >= maxGates {
		maps.DeleteFunc(s.gates, func(_ string, g *gate) bool {
			old := now.Sub(g.heard) > unheardAfter
			if old {
				leave(&g.sub)
			}
			return old
		})
		if len(s.gates) >= maxGates {
			camera = ""
		}
	}
	if s.gates[camera] == nil {
		s.gates[camera] = newGate(s.in.limits)
	}
	return s.gates[camera]
}

// handle receives a message with a status.
func (s *statuses) handle(msg *nats.Msg) {
	camera, err := s.in.space.CameraOf(msg.Subject)
	if err != nil {
		s.in.refused.status.Add(1)
		s.in.faults.report(msg.Subject, err)
		return
	}
	if s.allows(camera, len(msg.Data), time.Now()) {
		s.take(camera, msg)
		return
	}
	s.in.refused.statusFlood.Add(1)
	s.in.faults.report(msg.Subject, errStatusFlood)
}

// allows reports whether a document of n bytes is accepted. It unsubscribes from a camera that sends too many.
func (s *statuses) allows(camera string, n int, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.ofLocked(camera, now)
	g.heard = now
	if g.bytes.TokensAt(now) >= float64(n) && g.docs.AllowN(now, 1) {
		g.bytes.AllowN(now, n)
		if g.bandwidth != nil {
			g.bandwidth.ReserveN(now, n) // this leaves less for its frames
		}
		return true
	}
	if now.Sub(g.excessAt) > time.Second {
		g.excess, g.excessAt = 0, now
	}
	if g.excess++; g.excess > maxExcess && s.gates[camera] == g && !s.ended {
		s.turnAwayLocked(g, now)
	}
	return false
}

// turnAwayLocked unsubscribes from the status of a camera for a while.
func (s *statuses) turnAwayLocked(g *gate, now time.Time) {
	if now.Before(g.away) {
		return // the message was on its way already
	}
	g.pause = min(max(2*g.pause, minAway), maxAway)
	g.away, g.excess = now.Add(g.pause), 0
	leave(&g.sub)
	if s.all == nil {
		return
	}
	for camera, other := range s.gates {
		if !now.Before(other.away) && now.Sub(other.heard) < unheardAfter {
			s.listenLocked(camera, other)
		}
	}
	_ = s.all.Drain() // delivers what has arrived; fails only if the connection is closed already
	s.all = nil
}

// listenLocked gives a camera its own subscription.
func (s *statuses) listenLocked(camera string, g *gate) {
	if g.sub != nil || camera == "" {
		return
	}
	sub, err := s.subscribe(s.in.space.Status(camera), maxWaiting, 1<<20)
	if err != nil { // the connection is closed for good
		s.in.log.Error("the hub cannot receive the status of a camera", logkey.Camera, camera, logkey.Err, err)
		return
	}
	g.sub = sub
}

// togetherLocked makes all cameras share one subscription.
func (s *statuses) togetherLocked() error {
	sub, err := s.subscribe(s.in.space.AllStatus(), maxStatuses, maxStatusBytes)
	if err != nil {
		return err
	}
	s.all = sub
	for _, g := range s.gates {
		g.pause, g.away = 0, time.Time{}
	}
	return nil
}

func (s *statuses) subscribe(subj string, messages, bytes int) (*nats.Subscription, error) {
	sub, err := s.in.nc.Subscribe(subj, s.handle)
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", subj, err)
	}
	if err := sub.SetPendingLimits(messages, bytes); err != nil {
		leave(&sub)
		return nil, fmt.Errorf("subscribe to %s: %w", subj, err)
	}
	return sub, nil
}

// leave unsubscribes, if there is a subscription.
func leave(sub **nats.Subscription) {
	if *sub != nil {
		_ = (*sub).Unsubscribe() // fails only if the connection is closed already
		*sub = nil
	}
}

// apart reports whether each camera has its own subscription. Then the hub must ask for new cameras.
func (s *statuses) apart() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all == nil && !s.ended
}

// listens reports whether a camera has its own subscription, or would have it if it had not flooded.
func (s *statuses) listens(camera string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gates[camera]
	return g != nil && (g.sub != nil || !g.away.IsZero())
}

// found reports a camera that the hub has asked for.
func (s *statuses) found(camera string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.ofLocked(camera, now)
	g.heard = now
	if s.all == nil && !s.ended && !now.Before(g.away) && s.gates[camera] == g {
		s.listenLocked(camera, g)
	}
}

// tick subscribes again to cameras whose pause is over. It subscribes to all together when none floods any more.
func (s *statuses) tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if s.all != nil {
		for _, g := range s.gates {
			leave(&g.sub) // since the last tick both subscriptions have received everything
		}
		return
	}
	quiet := true
	for camera, g := range s.gates {
		if g.away.IsZero() {
			continue
		}
		quiet = quiet && now.Sub(g.away) >= calm
		if !now.Before(g.away) {
			s.listenLocked(camera, g)
		}
	}
	if !quiet {
		return
	}
	if err := s.togetherLocked(); err != nil { // the connection is closed for good
		s.in.log.Error("the hub cannot receive the status of new cameras", logkey.Err, err)
	}
}
