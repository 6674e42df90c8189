package natsd

import (
	"context"
	"math"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/hub/internal/access"
)

const (
	// lookInterval is how often it is looked how far consumers are behind, and who has too many connections and subscriptions.
	lookInterval = 250 * time.Millisecond

	// levelInterval is how often it is looked whether there are many more of these, so that it cannot wait.
	levelInterval = 100 * time.Millisecond

	// maxLag is how old what waits for a consumer may be. Its sockets hold some more, which nobody can see from here.
	maxLag = time.Second

	// forgetInterval is how often connections that have ended are forgotten.
	forgetInterval = time.Minute
)

// Run cuts consumers that read slower than their cameras send, and whoever has too many connections or subscriptions, until ctx ends. nats-server has
// one limit for what waits for a connection, and it must have room for the largest frame: a consumer at half rate would see pictures of twenty seconds
// ago before it was reached. It has none for the connections of an address or a credential, and one for the subscriptions of all, the hub's among them.
func (s *Server) Run(ctx context.Context) error {
	if s.guests == nil {
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
			} else if calm && here == last && len(s.guests.consumers()) == 0 {
				continue
			}
			last = here
			calm = s.look(now, forget)
		}
	}
}

// report tells how many log lines were left out.
func (s *Server) report() {
	s.lines.Report()
	s.guests.refusals.Report()
	s.guests.audited.limiter.Report()
}

// look finds out which consumers are too slow, who has too much, and which connections have ended. It reports whether all connections
// have shown a credential: then it need not be called again while there are as many of them and of subscriptions as now, and no consumers.
func (s *Server) look(now time.Time, forget bool) (calm bool) {
	watched := s.guests.consumers()
	if forget {
		watched = s.guests.all()
	}
	known := s.guests.audited.known()
	list, err := s.s.Connz(&server.ConnzOptions{Limit: math.MaxInt32})
	if err != nil {
		return false // only of wrong options
	}
	open := make(map[uint64]bool, len(list.Conns))
	for _, c := range list.Conns {
		open[c.Cid] = true
		v := watched[c.Cid]
		if v == nil || v.slow == nil || !v.slow.exceeds(maxLag, now, c.OutBytes, int64(c.Pending)) {
			continue
		}
		if ok, kept := s.guests.seldom.Allow("slow "+v.who, now); ok {
			s.log.Warn("consumer cut, since it reads slower than its cameras send and would see old pictures; it may connect again", "consumer", v.who, "waiting_bytes", c.Pending,
				"remedy", "subscribe to .still or to fewer cameras, or ask for do.snapshot", "kept_back", kept)
		}
		s.cut(c.Cid)
	}
	s.guests.audited.keep(known, open, now)
	s.guests.keep(func(id uint64) bool { return open[id] }, watched, now)
	s.cutGreedy(list.Conns, now)
	return s.cutStrangers(list.Conns, now) == 0
}

// cut ends a connection. One that has ended by itself is no error.
func (s *Server) cut(id uint64) { _ = s.s.DisconnectClientByID(id) }

// recheck cuts the connections of those who were removed, or may not do any more what they might, or may do more: they come back if they may.
func (s *Server) recheck(*access.Book) {
	for id, v := range s.guests.changed() {
		s.log.Info("NATS connection cut, since the credentials have changed", "audit", "cut", "name", v.who, "key", v.key)
		s.cut(id)
	}
}

// lag tells how far a connection is behind: by when the oldest byte that still waits for it was queued.
type lag struct{ samples []sample }

type sample struct {
	at  time.Time
	out int64 // bytes queued since the connection was made
}

// exceeds takes in what the server says of the connection now, and reports whether something waits since longer than bound.
func (l *lag) exceeds(bound time.Duration, now time.Time, out, pending int64) bool {
	for len(l.samples) > 1 && now.Sub(l.samples[1].at) >= bound {
		l.samples = l.samples[1:] // the first is the newest of those that are old enough
	}
	l.samples = append(l.samples, sample{now, out})
	oldest := l.samples[0]
	return pending > 0 && now.Sub(oldest.at) >= bound && oldest.out > out-pending
}
