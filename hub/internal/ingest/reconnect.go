package ingest

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
)

// refusedAgain is how often it is said that there is no connection because one side refuses the other.
const refusedAgain = time.Minute

// refusals decides how long to wait before the next attempt to connect, and says it if NATS refuses the hub, or the hub does not trust NATS: nats.go has no handler for
// that.
type refusals struct {
	log   *slog.Logger
	trust tlstrust.Settings
	conn  atomic.Pointer[nats.Conn]

	mu   sync.Mutex
	said time.Time // guarded by mu
}

// delay is called by nats.go before each further attempt.
func (r *refusals) delay(int) time.Duration {
	if nc := r.conn.Load(); nc != nil {
		r.tell(nc.LastError())
	}
	return 250*time.Millisecond + rand.N(250*time.Millisecond)
}

// tell says once a minute why an attempt has failed, if it is such a reason.
func (r *refusals) tell(err error) {
	what, remedy := r.trust.Explain(err)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		what, remedy = "NATS refuses this hub", "make it known there, and give its NKey with --nats-credential-file"
	case what == "":
		return
	default:
		what = "this hub does not trust the NATS system of --nats-url, and sends it nothing: " + what
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.said) >= refusedAgain {
		r.said = now
		r.log.Error(what+"; trying again", logkey.Err, err, "remedy", remedy)
	}
}
