package natsserver

import (
	"context"
	"math"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
)

const (
	// lookInterval is how often the limits are checked: the lag of consumers, connections and subscriptions.
	lookInterval = 250 * time.Millisecond

	// levelInterval is how often the totals are checked. If they have grown a lot, the limits are checked at once.
	levelInterval = 100 * time.Millisecond

	// maxLag is how old what waits for a consumer may be. Its sockets hold some more, which nobody can see from here.
	maxLag = time.Second

	// forgetInterval is how often connections that have ended are forgotten.
	forgetInterval = time.Minute
)

// Run cuts consumers that read slower than their cameras send, until ctx ends.
// It also cuts clients with too many connections or subscriptions.
//
// nats-server has one limit for the bytes that wait for a connection, which must have room for the largest frame.
// A consumer at half rate would see pictures 20 s old before it reached that limit.
// nats-server does not limit the connections of an address or a credential.
// Its one limit of subscriptions holds for all connections, including the hub's.
func (s *Server) Run(ctx context.Context) error {
	if s.auth == nil {
		return s.lines.Run(ctx)
	}
	defer s.report()
	tick := time.NewTicker(levelInterval)
	defer tick.Stop()
	looked, forgot, last, calm := time.Now(), time.Now(), level{}, false
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			here := s.level()
			if now.Sub(looked) < lookInterval && !here.exceeds(last) {
				continue
			}
			looked = now
			forget := now.Sub(forgot) >= forgetInterval
			if forget {
				forgot = now
				s.report()
			} else if calm && here == last && len(s.auth.consumers()) == 0 {
				continue
			}
			last = here
			calm = s.checkLimits(now, forget)
		}
	}
}

// report logs how many log lines were suppressed.
func (s *Server) report() {
	s.lines.Report()
	s.auth.refusals.Report()
	s.auth.audited.limiter.Report()
}

// checkLimits finds consumers that are too slow, clients over their limits, and connections that have ended.
// It reports whether all connections have shown a credential.
// Then it need not be called again while the numbers of connections and subscriptions stay the same without consumers.
func (s *Server) checkLimits(now time.Time, forget bool) (calm bool) {
	watched := s.auth.consumers()
	if forget {
		watched = s.auth.all()
	}
	known := s.auth.audited.known()
	list, err := s.s.Connz(&server.ConnzOptions{Limit: math.MaxInt32})
	if err != nil {
		return false // only for wrong options
	}
	open := make(map[uint64]bool, len(list.Conns))
	for _, c := range list.Conns {
		open[c.Cid] = true
		v := watched[c.Cid]
		if v == nil || v.slow == nil || !v.slow.exceeds(maxLag, now, c.OutBytes, int64(c.Pending)) {
			continue
		}
		if ok, kept := s.auth.limiter.Allow("slow "+v.who, now); ok {
			s.log.Warn("consumer cut, since it reads slower than its cameras send and would see old pictures; it may connect again", "consumer", v.who, "waiting_bytes", c.Pending,
				"remedy", "subscribe to .still or to fewer cameras, or ask for do.snapshot", "kept_back", kept)
		}
		s.disconnect(c.Cid)
	}
	s.auth.audited.keep(known, open, now)
	s.auth.prune(func(id uint64) bool { return open[id] }, watched, now)
	s.disconnectGreedy(list.Conns, now)
	return s.disconnectUnauthenticated(list.Conns, now) == 0
}

// disconnect ends a connection. One that has ended by itself is no error.
func (s *Server) disconnect(id uint64) { _ = s.s.DisconnectClientByID(id) }

// disconnectRevoked cuts the connections of those who were removed, or may not do any more what they might, or may do more: they come back if they may.
func (s *Server) disconnectRevoked(*credstore.Snapshot) {
	for id, v := range s.auth.revoked() {
		s.log.Info("NATS connection cut, since the credentials have changed", "audit", "cut", "name", v.who, "key", v.key)
		s.disconnect(id)
	}
}

// pendingAge tells how far a connection is behind: by when the oldest byte that still waits for it was queued.
type pendingAge struct{ samples []sample }

type sample struct {
	at  time.Time
	out int64 // bytes queued since the connection was made
}

// exceeds takes in what the server says of the connection now, and reports whether something waits since longer than bound.
func (l *pendingAge) exceeds(bound time.Duration, now time.Time, out, pending int64) bool {
	for len(l.samples) > 1 && now.Sub(l.samples[1].at) >= bound {
		l.samples = l.samples[1:] // the first is the newest of those that are old enough
	}
	l.samples = append(l.samples, sample{now, out})
	oldest := l.samples[0]
	return pending > 0 && now.Sub(oldest.at) >= bound && oldest.out > out-pending
}
