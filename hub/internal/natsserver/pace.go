package natsserver

import (
	"errors"
	"time"

	"golang.org/x/time/rate"
)

// How fast connections with one credential may come.
// The burst is for a group of consumers that reconnects after a restart.
// In a test, 150 connections that each cut another one and reconnected at once made 2,300 connections a second.
const (
	connRate  = 20 // a second
	connBurst = 128
	connWait  = time.Second // maximum wait for the turn; nats-server waits twice as long for a credential
)

var errTooFast = errors.New("too many new connections a second with this credential")

// pace makes a connection wait for its turn among those with the same credential. Its signature was valid.
// A goroutine of the connection calls it.
func (g *authenticator) pace(key string) error {
	wait, err := g.turn(key)
	if errors.Is(err, errTooFast) {
		wait = connWait // a client that is refused at once reconnects at once
	}
	time.Sleep(wait)
	return err
}

// turn returns how long a connection has to wait. The error is errTooFast if that is too long.
func (g *authenticator) turn(key string) (time.Duration, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v, err := g.identifyLocked(key)
	if err != nil || v.conns == 0 {
		return 0, err
	}
	pace := g.paces[key]
	if pace == nil {
		pace = rate.NewLimiter(connRate, connBurst)
		g.paces[key] = pace
	}
	// A reservation is returned in full only if no other one was made meanwhile. The mutex sees to that.
	turn := pace.Reserve()
	wait := turn.Delay()
	if wait > connWait {
		turn.Cancel()
		return 0, errTooFast
	}
	return wait, nil
}
