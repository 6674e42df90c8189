package natsd

import (
	"errors"
	"time"

	"golang.org/x/time/rate"
)

// How fast connections with one credential may come. A group of consumers that comes back after a restart has the burst; 150 connections of which each cuts another one,
// and comes again at once, made 2,300 a second.
const (
	connRate  = 20 // a second
	connBurst = 128
	connWait  = time.Second // for the turn; nats-server waits twice as long for a credential
)

var errTooFast = errors.New("connections with this credential come too fast")

// pace has a connection wait for its turn among those with the same credential, whose signature was right. It is called by a goroutine of the connection.
func (g *guests) pace(key string) error {
	g.mu.Lock()
	v, err := g.identifyLocked(key)
	if err != nil || v.conns == 0 {
		g.mu.Unlock()
		return err
	}
	pace := g.paces[key]
	if pace == nil {
		pace = rate.NewLimiter(connRate, connBurst)
		g.paces[key] = pace
	}
	g.mu.Unlock()
	turn := pace.Reserve()
	wait := turn.Delay()
	if wait > connWait {
		turn.Cancel()
		time.Sleep(connWait) // one that is told at once comes again at once
		return errTooFast
	}
	time.Sleep(wait)
	return nil
}
