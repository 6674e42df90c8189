package publish

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// pingTimeout bounds how long the server may take to answer a PING.
const pingTimeout = 5 * time.Second

// pingResult is the result of a PING. A PONG proves that the server has read all that was sent before, and that it
// has not answered 503 to the questions among that.
type pingResult struct {
	main, still uint64    // numbers of those questions
	sent        time.Time // when the PING was
	err         error     // there was no PONG
}

// pinger sends PINGs, one at a time.
type pinger struct {
	conn     *nats.Conn
	requests chan pingResult
	results  chan pingResult
	busy     bool // owned by the publisher's goroutine: until the result was received
}

func newPinger(conn *nats.Conn) pinger {
	return pinger{conn: conn, requests: make(chan pingResult, 1), results: make(chan pingResult, 1)}
}

// ping sends a PING unless one is in flight. The result comes to results, with the numbers in answer.
func (p *pinger) ping(answer pingResult) {
	if p.busy {
		return
	}
	p.busy, answer.sent = true, time.Now()
	p.requests <- answer
}

// run sends PINGs until ctx ends. One goroutine and one context serve them all, because there is a PING for each frame.
func (p *pinger) run(ctx context.Context) {
	for ctx.Err() == nil {
		p.runUntilTimeout(ctx)
	}
}

func (p *pinger) runUntilTimeout(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timeout := time.AfterFunc(pingTimeout, cancel)
	defer timeout.Stop()
	var bounded context.Context = withDeadline{ctx}
	for {
		timeout.Stop()
		select {
		case <-ctx.Done():
			return
		case a := <-p.requests:
			timeout.Reset(pingTimeout)
			a.err = p.conn.FlushWithContext(bounded)
			p.results <- a
		}
	}
}

// withDeadline is a context with the deadline that FlushWithContext demands. A timer elsewhere ends it.
type withDeadline struct{ context.Context }

// Deadline implements context.Context.
func (withDeadline) Deadline() (time.Time, bool) { return time.Now().Add(pingTimeout), true }
