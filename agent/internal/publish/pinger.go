package publish

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// pingTimeout bounds how long the server has to give a sign of life.
const pingTimeout = 5 * time.Second

// pong is the server's answer to a PING, and with it proof that it has read, and not refused, the questions asked before.
type pong struct {
	main, still uint64 // numbers of those questions
	err         error  // no answer
}

// pinger asks the server for a sign of life. Owned by the publisher's goroutine.
type pinger struct {
	conn  *nats.Conn
	pongs chan pong
	busy  bool // until the pong has been taken

	running sync.WaitGroup
}

func newPinger(conn *nats.Conn) pinger { return pinger{conn: conn, pongs: make(chan pong, 1)} }

// ping sends a PING; the answer comes to pongs, with the numbers in p.
func (p *pinger) ping(ctx context.Context, answer pong) {
	p.busy = true
	p.running.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, pingTimeout)
		defer cancel()
		answer.err = p.conn.FlushWithContext(ctx)
		p.pongs <- answer
	})
}
