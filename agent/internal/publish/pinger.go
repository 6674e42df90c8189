package publish

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// pingTimeout bounds how long the server has to give a sign of life.
const pingTimeout = 5 * time.Second

// pong is the server's answer to a PING, and with it proof that it has read all that was sent before, and not refused the questions among it.
type pong struct {
	main, still uint64    // numbers of those questions
	sent        time.Time // when the PING was
	err         error     // no answer
}

// pinger asks the server for signs of life, one at a time.
type pinger struct {
	conn  *nats.Conn
	asks  chan pong
	pongs chan pong
	busy  bool // owned by the publisher's goroutine: until the pong has been taken
}

func newPinger(conn *nats.Conn) pinger {
	return pinger{conn: conn, asks: make(chan pong, 1), pongs: make(chan pong, 1)}
}

// ping has a PING sent, unless one is on its way; the answer comes to pongs, with the numbers in p.
func (p *pinger) ping(answer pong) {
	if p.busy {
		return
	}
	p.busy, answer.sent = true, time.Now()
	p.asks <- answer
}

// run sends what is asked for until ctx ends. One goroutine and one context serve all PINGs, since there is one for each frame.
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
		case a := <-p.asks:
			timeout.Reset(pingTimeout)
			a.err = p.conn.FlushWithContext(bounded)
			p.pongs <- a
		}
	}
}

// withDeadline is a context that ends in time, as FlushWithContext demands, though by a timer that it does not know.
type withDeadline struct{ context.Context }

// Deadline implements context.Context.
func (withDeadline) Deadline() (time.Time, bool) { return time.Now().Add(pingTimeout), true }
