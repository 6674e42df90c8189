package publish

import (
	"time"

	"github.com/nats-io/nats.go"
)

// handleReply handles a message to the inbox: the server's 503 says that there are no subscribers.
func (p *Publisher) handleReply(msg *nats.Msg, now time.Time) {
	if len(msg.Data) != 0 || msg.Header.Get("Status") != "503" {
		return // a consumer that answers frames
	}
	p.main.noResponders(msg.Subject, now)
	p.still.noResponders(msg.Subject, now)
}

// handlePing handles the server's PONG, or that there was none.
func (p *Publisher) handlePing(r pingResult, now time.Time) {
	p.pinger.busy = false
	if r.err == nil {
		p.liveness.pongReceived(r.sent, now)
	} else {
		p.liveness.pingFailed(now)
	}
	if !p.blockedSince.IsZero() {
		signal(p.queue.ready)
	}
	p.main.interest.pingDone(r.main, r.err == nil, now)
	p.still.interest.pingDone(r.still, r.err == nil, now)
}

// tick updates the demand, asks what is due, and returns when to be called again.
func (p *Publisher) tick(now time.Time) (next time.Time) {
	subjects := [...]*subjectPublisher{p.main, p.still}
	connected := p.cfg.Conn.IsConnected()
	if connected {
		p.reconnected(now)
		p.lostAt = time.Time{}
	} else if p.lostAt.IsZero() {
		p.lostAt = now
	}
	for _, s := range subjects {
		if !connected {
			s.interest.connectionLost(now, p.lostAt)
		}
		s.interest.tick(now)
	}
	p.setWanted(p.main.interest.wanted || p.still.interest.wanted)
	if !p.blockedSince.IsZero() && (!connected || !p.main.interest.wanted) { // no PONG will come for it
		signal(p.queue.ready)
	}
	if !connected {
		return now.Add(minAnswerTime)
	}
	next = p.pingIfDue(now)
	for _, s := range subjects {
		s.probe(now)
		if t := s.interest.next(now); t.Before(next) {
			next = t
		}
	}
	return next
}

// pingIfDue sends a PING if one is due, and returns when the next one will be.
func (p *Publisher) pingIfDue(now time.Time) (next time.Time) {
	if p.pinger.busy {
		return now.Add(never) // handlePing will be called
	}
	due := now.Add(never)
	if p.main.interest.wanted {
		due = p.liveness.pingDue(!p.blockedSince.IsZero(), now)
	}
	if due.After(now) && !p.main.interest.doubtful(now) && !p.still.interest.doubtful(now) {
		return due
	}
	p.liveness.pinged = true
	p.pinger.ping(pingResult{main: p.main.interest.question, still: p.still.interest.question})
	return now.Add(never)
}

func (p *Publisher) setWanted(w bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wanted == w {
		return
	}
	p.wanted = w
	close(p.changed)
	p.changed = make(chan struct{})
}
