package natsserver

import (
	"context"
	"math"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
)

const (
	// checkInterval is how often the limits are checked: the lag of consumers, connections and subscriptions.
	checkInterval = 250 * time.Millisecond

	// loadInterval is how often the totals are checked. If they have grown a lot, the limits are checked at once.
	loadInterval = 100 * time.Millisecond

	// maxPendingAge is how old data that waits for a consumer may be. The sockets hold some more, which is not visible
	// here.
	maxPendingAge = time.Second

	// pruneInterval is how often connections that have ended are forgotten.
	pruneInterval = time.Minute
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
	tick := time.NewTicker(loadInterval)
	defer tick.Stop()
	looked, forgot, last, calm := time.Now(), time.Now(), load{}, false
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			here := s.load()
			if now.Sub(looked) < checkInterval && !here.exceeds(last) {
				continue
			}
			looked = now
			forget := now.Sub(forgot) >= pruneInterval
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
	known := s.auth.audited.ids()
	list, err := s.s.Connz(&server.ConnzOptions{Limit: math.MaxInt32})
	if err != nil {
		return false // only for wrong options
	}
	open := make(map[uint64]bool, len(list.Conns))
	for _, c := range list.Conns {
		open[c.Cid] = true
	}
	s.disconnectSlow(list.Conns, watched, now)
	s.auth.audited.closed(known, open, now)
	s.auth.prune(func(id uint64) bool { return open[id] }, watched, now)
	s.disconnectOverLimits(list.Conns, now)
	return s.disconnectUnauthenticated(list.Conns, now) == 0
}

// disconnect ends a connection. One that has ended by itself is no error.
func (s *Server) disconnect(id uint64) { _ = s.s.DisconnectClientByID(id) }

// disconnectRevoked disconnects clients that were removed, or whose permissions have changed. Clients that may still
// connect do so again.
func (s *Server) disconnectRevoked(*credstore.Snapshot) {
	for id, v := range s.auth.revoked() {
		s.log.Info("NATS connection closed: its credentials have changed", "audit", "cut", "name", v.name,
			"key", v.key)
		s.disconnect(id)
	}
}
