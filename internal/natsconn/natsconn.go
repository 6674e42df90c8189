// Package natsconn holds what the NATS connections of agents and hubs have in common: when to try again.
//
// Credentials, TLS trust and the header limit are packages below it.
package natsconn

import (
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
)

// minDelay is the shortest pause between two attempts. Up to as much again is added, so that many do not come at once.
const minDelay = 250 * time.Millisecond

// ReconnectPolicy decides how long to wait before the next attempt to connect. It also logs, once a minute, why one
// side refuses the other: nats.go has no handler for that once a connection was made.
type ReconnectPolicy struct {
	// Explain returns what is wrong and the remedy if err means that one side refuses the other. Otherwise what is "".
	Explain func(err error) (what string, remedy error)

	// RefusedDelay is how long to wait after a refusal; 0 means as long as after other errors.
	RefusedDelay time.Duration

	log   *slog.Logger
	limit *loglimit.Limiter
	conn  atomic.Pointer[nats.Conn]
}

// NewReconnectPolicy returns a ReconnectPolicy without RefusedDelay.
func NewReconnectPolicy(log *slog.Logger, explain func(err error) (what string, remedy error)) *ReconnectPolicy {
	return &ReconnectPolicy{Explain: explain, log: log, limit: loglimit.New(loglimit.Notices())}
}

// SetConn tells which connection it is. Before that, Delay knows of no refusal.
func (p *ReconnectPolicy) SetConn(nc *nats.Conn) { p.conn.Store(nc) }

// Delay is for nats.CustomReconnectDelay.
func (p *ReconnectPolicy) Delay(int) time.Duration {
	nc := p.conn.Load()
	if nc != nil && p.LogRefusal(nc.LastError()) && p.RefusedDelay > 0 {
		return p.RefusedDelay + rand.N(p.RefusedDelay/5) //nolint:gosec // jitter is no secret
	}
	return minDelay + rand.N(minDelay) //nolint:gosec // jitter is no secret
}

// LogRefusal reports whether err means that one side refuses the other, and logs that. nats.go calls Delay only before
// further attempts: call LogRefusal after the first one.
func (p *ReconnectPolicy) LogRefusal(err error) bool {
	if err == nil {
		return false
	}
	what, remedy := p.Explain(err)
	if what == "" {
		return false
	}
	if ok, _ := p.limit.Allow("", time.Now()); ok {
		p.log.Error(what+"; trying again", logkey.Err, err, "remedy", remedy)
	}
	return true
}
