package natsserver

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/netutil"
)

// load is a cheap measure of change since the server's connections were last counted one by one.
type load struct {
	clients int
	subs    uint32
}

// How much a level may grow before connections are counted again.
const (
	moreClients = 32
	moreSubs    = 1024
)

func (s *Server) load() load { return load{s.s.NumClients(), s.s.NumSubscriptions()} }

// exceeds reports whether the level is much higher than at the last count.
func (l load) exceeds(last load) bool {
	return l.clients >= last.clients+moreClients || l.subs >= last.subs+moreSubs
}

// unauthenticated returns the connections that have not shown a credential, in order of arrival.
func unauthenticated(conns []*server.ConnInfo, known map[uint64]*client) (list []*server.ConnInfo) {
	for _, c := range conns {
		if known[c.Cid] == nil && c.Kind == "Client" {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *server.ConnInfo) int { return cmp.Compare(a.Cid, b.Cid) })
	return list
}

// surplus returns the connections beyond the limits for an address and in total.
// It picks the oldest, because an honest client shows its credential at once.
// The addresses of this host are limited, too: behind a proxy they may stand for any client.
func surplus(list []*server.ConnInfo) (over map[uint64]string) {
	over = make(map[uint64]string)
	count := make(map[string]int)
	for i, c := range slices.Backward(list) {
		from := netutil.AddressKey(c.IP)
		if count[from]++; count[from] > unauthenticatedPerAddress || len(list)-i-len(over) > unauthenticatedTotal {
			over[c.Cid] = from
		}
	}
	return over
}

// disconnectUnauthenticated cuts surplus connections without a credential. It returns the number of all without one.
func (s *Server) disconnectUnauthenticated(conns []*server.ConnInfo, now time.Time) int {
	list := unauthenticated(conns, s.auth.all()) // all is newer than conns: it has clients that authenticated meanwhile
	over := surplus(list)
	for _, from := range slices.Compact(slices.Sorted(maps.Values(over))) {
		if ok, kept := s.auth.refusals.Allow(from, now); ok {
			s.log.Warn("NATS connections closed: too many without a credential, from one address or in total",
				"address", from, "kept_back", kept)
		}
	}
	for id := range over {
		s.disconnect(id)
	}
	return len(list)
}

// disconnectOverLimits cuts connections that exceed their limits, and refuses their credentials for a while.
func (s *Server) disconnectOverLimits(conns []*server.ConnInfo, now time.Time) {
	for _, c := range s.auth.overLimits(conns, now, now.Add(banTime)) {
		if ok, kept := s.auth.limiter.Allow("greedy "+c.who, now); ok {
			s.log.Warn("NATS connection cut: it exceeds its limits", "name", c.who, "too_much", c.of,
				"remedy", refusedRemedy(errBanned), "kept_back", kept)
		}
		s.disconnect(c.id)
	}
}
