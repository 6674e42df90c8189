package natsserver

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// disconnectSlow disconnects consumers that read slower than their cameras send. They would see old pictures.
func (s *Server) disconnectSlow(conns []*server.ConnInfo, watched map[uint64]*client, now time.Time) {
	for _, c := range conns {
		v := watched[c.Cid]
		if v == nil || v.pending == nil || !v.pending.exceeds(maxPendingAge, now, c.OutBytes, int64(c.Pending)) {
			continue
		}
		if ok, suppressed := s.auth.limiter.Allow("slow "+v.name, now); ok {
			s.log.Warn("consumer disconnected: it reads slower than its cameras send, "+
				"and would see old pictures; it may connect again", "consumer", v.name, "waiting_bytes", c.Pending,
				"remedy", "subscribe to .still or to fewer cameras, or ask for do.snapshot", "kept_back", suppressed)
		}
		s.disconnect(c.Cid)
	}
}

// pendingAge tells how far a connection is behind: by when the oldest byte that still waits for it was queued.
type pendingAge struct{ samples []sample }

type sample struct {
	at  time.Time
	out int64 // bytes queued since the connection was made
}

// exceeds takes the current totals of the connection. It reports whether some data has waited longer than bound.
func (l *pendingAge) exceeds(bound time.Duration, now time.Time, out, pending int64) bool {
	for len(l.samples) > 1 && now.Sub(l.samples[1].at) >= bound {
		l.samples = l.samples[1:] // the first is the newest of those that are old enough
	}
	l.samples = append(l.samples, sample{now, out})
	oldest := l.samples[0]
	return pending > 0 && now.Sub(oldest.at) >= bound && oldest.out > out-pending
}
