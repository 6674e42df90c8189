package ingest

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
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
	// minSuspension and maxSuspension bound how long the hub unsubscribes from a camera's status: longer each time.
	minSuspension = time.Second
	maxSuspension = 4 * time.Second

	// recoveryTime is the time without excess after which all cameras share one subscription again.
	recoveryTime = 10 * time.Second

	// silenceTimeout is how long a silent camera keeps its place when there is no room for another one.
	silenceTimeout = time.Minute

	// pruneInterval is how often silent cameras may lose their place: that costs a look at all of them.
	pruneInterval = time.Second

	// maxQuotas is how many cameras have their own quota: twice as many as the hub knows. All others share one.
	maxQuotas = 8192
)

var errStatusRate = errors.New("its agent sends more status documents than 10, or 32 KiB, a second: " +
	"the excess is dropped, and the hub ignores its status for some seconds")

// statuses receives the status documents of all cameras by one subscription. That cannot exclude a camera that sends
// too many. While one does, each other camera has its own subscription, and the hub asks for new cameras. NATS drops
// messages without a subscriber.
type statuses struct {
	in      *Ingest
	deliver func(camera string, msg *nats.Msg) // checks a document and passes it on; may be called by several goroutines

	mu     sync.Mutex
	quotas map[string]*cameraQuota // by camera; guarded by mu
	all    *nats.Subscription      // guarded by mu; nil while each camera has its own
	pruned time.Time               // when silent cameras last lost their place; guarded by mu
	ended  bool                    // guarded by mu
}

// cameraQuota limits the messages of one camera. It is guarded by the mutex of statuses; the limiters guard themselves.
type cameraQuota struct {
	frames, bandwidth *rate.Limiter // of everything that the camera sends, from Limits; nil: no limit

	docs, bytes    *rate.Limiter
	lastHeard      time.Time
	excess         int           // documents dropped in the second that began at excessAt
	excessAt       time.Time     //
	suspension     time.Duration // how long the hub last unsubscribed
	suspendedUntil time.Time     // end of that time; zero if there was none
	sub            *nats.Subscription
}

func newQuota(l Limits) *cameraQuota {
	frames, bandwidth := l.limiters()
	return &cameraQuota{
		frames: frames, bandwidth: bandwidth,
		docs: rate.NewLimiter(statusPerSecond, statusAtOnce), bytes: rate.NewLimiter(statusBytes, statusBurst),
	}
}

func newStatuses(in *Ingest) *statuses {
	return &statuses{in: in, deliver: func(string, *nats.Msg) {}, quotas: make(map[string]*cameraQuota)}
}

// begin subscribes.
func (s *statuses) begin(take func(camera string, msg *nats.Msg)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliver = take
	return s.subscribeAllLocked()
}

// end unsubscribes for good.
func (s *statuses) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	unsubscribe(&s.all)
	for _, g := range s.quotas {
		unsubscribe(&g.sub)
	}
}

// limiters returns the limiters of everything that a camera sends.
func (s *statuses) limiters(camera string) (frames, bandwidth *rate.Limiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.quotaLocked(camera, time.Now())
	return g.frames, g.bandwidth
}

// quotaLocked returns the quota of a camera.
func (s *statuses) quotaLocked(camera string, now time.Time) *cameraQuota {
	if s.quotas[camera] == nil && len(s.quotas) >= maxQuotas && now.Sub(s.pruned) > pruneInterval {
		s.pruned = now
		maps.DeleteFunc(s.quotas, func(_ string, g *cameraQuota) bool {
			old := now.Sub(g.lastHeard) > silenceTimeout
			if old {
				unsubscribe(&g.sub)
			}
			return old
		})
	}
	if s.quotas[camera] == nil && len(s.quotas) >= maxQuotas {
		camera = ""
	}
	if s.quotas[camera] == nil {
		s.quotas[camera] = newQuota(s.in.limits)
	}
	return s.quotas[camera]
}

// handle receives a message with a status.
func (s *statuses) handle(msg *nats.Msg) {
	camera, err := s.in.space.CameraOf(msg.Subject)
	if err != nil {
		s.in.refused.Inc(metrics.RefusedStatus)
		s.in.dropLog.report(msg.Subject, err)
		return
	}
	if s.allows(camera, len(msg.Data), time.Now()) {
		s.deliver(camera, msg)
		return
	}
	s.in.refused.Inc(metrics.RefusedStatusRate)
	s.in.dropLog.report(msg.Subject, errStatusRate)
}

// allows reports whether a document of n bytes is accepted. It unsubscribes from a camera that sends too many.
func (s *statuses) allows(camera string, n int, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.quotaLocked(camera, now)
	g.lastHeard = now
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
	if g.excess++; g.excess > maxExcess && s.quotas[camera] == g && !s.ended {
		s.suspendLocked(g, now)
	}
	return false
}

// suspendLocked unsubscribes from the status of a camera for a while.
func (s *statuses) suspendLocked(g *cameraQuota, now time.Time) {
	if now.Before(g.suspendedUntil) {
		return // the message was on its way already
	}
	g.suspension = min(max(2*g.suspension, minSuspension), maxSuspension)
	g.suspendedUntil, g.excess = now.Add(g.suspension), 0
	unsubscribe(&g.sub)
	if s.all == nil {
		return
	}
	for camera, other := range s.quotas {
		if !now.Before(other.suspendedUntil) && now.Sub(other.lastHeard) < silenceTimeout {
			s.subscribeCameraLocked(camera, other)
		}
	}
	_ = s.all.Drain() // delivers what has arrived; fails only if the connection is closed already
	s.all = nil
}

// subscribeCameraLocked gives a camera its own subscription.
func (s *statuses) subscribeCameraLocked(camera string, g *cameraQuota) {
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

// subscribeAllLocked makes all cameras share one subscription.
func (s *statuses) subscribeAllLocked() error {
	sub, err := s.subscribe(s.in.space.AllStatus(), maxStatuses, maxStatusBytes)
	if err != nil {
		return err
	}
	s.all = sub
	for _, g := range s.quotas {
		g.suspension, g.suspendedUntil = 0, time.Time{}
	}
	return nil
}

func (s *statuses) subscribe(subj string, messages, bytes int) (*nats.Subscription, error) {
	sub, err := s.in.nc.Subscribe(subj, s.handle)
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", subj, err)
	}
	if err := sub.SetPendingLimits(messages, bytes); err != nil {
		unsubscribe(&sub)
		return nil, fmt.Errorf("subscribe to %s: %w", subj, err)
	}
	return sub, nil
}

// unsubscribe unsubscribes, if there is a subscription.
func unsubscribe(sub **nats.Subscription) {
	if *sub != nil {
		_ = (*sub).Unsubscribe() // fails only if the connection is closed already
		*sub = nil
	}
}

// perCamera reports whether each camera has its own subscription. Then the hub must ask for new cameras.
func (s *statuses) perCamera() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all == nil && !s.ended
}

// subscribed reports whether a camera has its own subscription, or would have it if it had not sent too many.
func (s *statuses) subscribed(camera string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.quotas[camera]
	return g != nil && (g.sub != nil || !g.suspendedUntil.IsZero())
}

// onDiscovered reports a camera that the hub has asked for.
func (s *statuses) onDiscovered(camera string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.quotaLocked(camera, now)
	g.lastHeard = now
	if s.all == nil && !s.ended && !now.Before(g.suspendedUntil) && s.quotas[camera] == g {
		s.subscribeCameraLocked(camera, g)
	}
}

// tick subscribes again to cameras whose pause is over. It subscribes to all together when none sends too many any
// more.
func (s *statuses) tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if s.all != nil {
		for _, g := range s.quotas {
			unsubscribe(&g.sub) // since the last tick both subscriptions have received everything
		}
		return
	}
	recovered := true
	for camera, g := range s.quotas {
		if g.suspendedUntil.IsZero() {
			continue
		}
		recovered = recovered && now.Sub(g.suspendedUntil) >= recoveryTime
		if !now.Before(g.suspendedUntil) {
			s.subscribeCameraLocked(camera, g)
		}
	}
	if !recovered {
		return
	}
	if err := s.subscribeAllLocked(); err != nil { // the connection is closed for good
		s.in.log.Error("the hub cannot receive the status of new cameras", logkey.Err, err)
	}
}
