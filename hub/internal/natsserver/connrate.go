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

// waitTurn makes a connection wait for its turn among those with the same credential. Its signature was valid.
// A goroutine of the connection calls it.
func (a *authenticator) waitTurn(key string) error {
	wait, err := a.reserve(key)
	if errors.Is(err, errTooFast) {
		wait = connWait // a client that is refused at once reconnects at once
	}
	time.Sleep(wait)
	return err
}

// reserve returns how long a connection has to wait. The error is errTooFast if that is too long.
func (a *authenticator) reserve(key string) (time.Duration, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, err := a.identifyLocked(key)
	if err != nil || v.conns == 0 {
		return 0, err
	}
	pace := a.connRates[key]
	if pace == nil {
		pace = rate.NewLimiter(connRate, connBurst)
		a.connRates[key] = pace
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
