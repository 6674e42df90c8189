package publish

import (
	"time"

	"github.com/nats-io/nats.go"
)

// answer handles a message to the inbox: the server's 503 says that nobody subscribes.
func (p *Publisher) answer(msg *nats.Msg, now time.Time) {
	if len(msg.Data) != 0 || msg.Header.Get("Status") != "503" {
		return // a consumer that answers frames: not our business
	}
	p.main.refused(msg.Subject, now)
	p.still.refused(msg.Subject, now)
}

// alive handles the server's sign of life, or that there was none.
func (p *Publisher) alive(a pong, now time.Time) {
	p.pinger.busy = false
	if a.err == nil {
		p.proof.answered(a.sent, now)
	} else {
		p.proof.failed(now)
	}
	if !p.held.IsZero() {
		poke(p.queue.ready)
	}
	p.main.interest.alive(a.main, a.err == nil, now)
	p.still.interest.alive(a.still, a.err == nil, now)
}

// tick draws conclusions, asks what is due, and returns when to be called again.
func (p *Publisher) tick(now time.Time) (next time.Time) {
	outlets := [...]*outlet{p.main, p.still}
	connected := p.cfg.Conn.IsConnected()
	if connected {
		p.renewed(now)
		p.lostAt = time.Time{}
	} else if p.lostAt.IsZero() {
		p.lostAt = now
	}
	for _, o := range outlets {
		if !connected {
			o.interest.lost(now, p.lostAt)
		}
		o.interest.tick(now)
	}
	p.setWanted(p.main.interest.wanted || p.still.interest.wanted)
	if !p.held.IsZero() && (!connected || !p.main.interest.wanted) { // no sign of life will come for it
		poke(p.queue.ready)
	}
	if !connected {
		return now.Add(minAnswerTime)
	}
	next = p.ask(now)
	for _, o := range outlets {
		o.probe(now)
		if t := o.interest.next(now); t.Before(next) {
			next = t
		}
	}
	return next
}

// ask asks the server for a sign of life if one is due, and returns when one will be.
func (p *Publisher) ask(now time.Time) (next time.Time) {
	if p.pinger.busy {
		return now.Add(never) // alive will be called
	}
	due := now.Add(never)
	if p.main.interest.wanted {
		due = p.proof.due(!p.held.IsZero(), now)
	}
	if due.After(now) && !p.main.interest.doubtful(now) && !p.still.interest.doubtful(now) {
		return due
	}
	p.proof.asked = true
	p.pinger.ping(pong{main: p.main.interest.question, still: p.still.interest.question})
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
