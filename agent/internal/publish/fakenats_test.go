package publish

import (
	"testing"
	"time"
)

// fakeNATS plays the NATS server and the publisher's loop for one interest, in a time of its own.
type fakeNATS struct {
	t          *testing.T
	i          interest
	now        time.Time
	subscribed bool
	rtt        time.Duration
	frames     time.Duration // interval of the frames while the stream is wanted; 0: none come
	lostAt     time.Time     // zero while there is a connection
	frozen     bool          // the server does not answer PINGs

	refusals  []refusal // on their way
	pong      refusal   // on its way, with the number of the question before it; zero if there is none
	nextFrame time.Time
	alone     []time.Time // when questions went out without payload
	ridden    []time.Time // when questions went out with a frame
	wanted    []time.Time // when wanted changed
	pings     int
}

type refusal struct {
	question uint64
	at       time.Time
}

func newFakeNATS(t *testing.T, linger time.Duration) *fakeNATS {
	return &fakeNATS{t: t, i: interest{linger: linger}, now: time.Unix(1000, 0), rtt: 2 * time.Millisecond}
}

// run lets d go by.
func (b *fakeNATS) run(d time.Duration) {
	b.t.Helper()
	end := b.now.Add(d)
	for steps := 0; ; steps++ {
		if steps > 1000+int(d/time.Millisecond) {
			b.t.Fatalf("the loop spins: %d steps in %v", steps, d)
		}
		next := b.step()
		if !next.After(b.now) {
			b.t.Fatalf("next is %v in the past, with nothing left to do: %+v", b.now.Sub(next), b.i)
		}
		if next.After(end) {
			b.now = end
			return
		}
		b.now = next
	}
}

// step does all that is due and returns when something will be due again.
func (b *fakeNATS) step() (next time.Time) {
	was := b.i.wanted
	for len(b.refusals) > 0 && !b.refusals[0].at.After(b.now) {
		b.i.noResponders(b.refusals[0].question, b.now)
		b.refusals = b.refusals[1:]
	}
	if b.frames > 0 && b.i.wanted && !b.nextFrame.After(b.now) {
		b.nextFrame = b.now.Add(b.frames)
		if b.lostAt.IsZero() && b.i.due(b.now) {
			b.ridden = append(b.ridden, b.now)
			b.ask()
		}
	}
	if !b.pong.at.IsZero() && !b.pong.at.After(b.now) {
		b.i.pingDone(b.pong.question, !b.frozen, b.now)
		b.pong = refusal{}
	}
	if b.lostAt.IsZero() {
		b.i.tick(b.now)
		if b.pong.at.IsZero() && b.i.doubtful(b.now) {
			b.pong = refusal{b.i.question, b.arrival()}
			b.pings++
			if b.frozen {
				b.pong.at = b.now.Add(pingTimeout)
			}
		}
		if b.i.dueAlone(b.now) {
			b.alone = append(b.alone, b.now)
			b.ask()
		}
		next = b.i.next(b.now)
	} else {
		b.i.connectionLost(b.now, b.lostAt)
		b.i.tick(b.now)
		next = b.now.Add(minAnswerTime)
	}
	if b.i.wanted != was {
		b.wanted = append(b.wanted, b.now)
		b.nextFrame = b.now.Add(b.frames)
	}
	if len(b.refusals) > 0 && b.refusals[0].at.Before(next) {
		next = b.refusals[0].at
	}
	if !b.pong.at.IsZero() && b.pong.at.Before(next) {
		next = b.pong.at
	}
	if b.frames > 0 && b.i.wanted && b.nextFrame.Before(next) {
		next = b.nextFrame
	}
	return next
}

func (b *fakeNATS) ask() {
	b.i.ask(b.now)
	if !b.subscribed && !b.frozen {
		b.refusals = append(b.refusals, refusal{b.i.question, b.arrival()})
	}
}

// arrival is when the server's answer to what is sent now comes: TCP keeps the order.
func (b *fakeNATS) arrival() time.Time {
	at := b.now.Add(b.rtt)
	if n := len(b.refusals); n > 0 && at.Before(b.refusals[n-1].at) {
		return b.refusals[n-1].at
	}
	return at
}

// lose cuts the connection; what is on its way is lost.
func (b *fakeNATS) lose() { b.lostAt, b.refusals, b.pong = b.now, nil, refusal{} }

func (b *fakeNATS) wake() {
	if !b.i.wanted {
		b.wanted = append(b.wanted, b.now)
		b.nextFrame = b.now.Add(b.frames)
	}
	b.i.wake(b.now)
}

func (b *fakeNATS) reconnect() {
	b.lostAt, b.refusals, b.pong = time.Time{}, nil, refusal{}
	b.i.forgetQuestions(b.now)
}

func (b *fakeNATS) questions() int { return len(b.alone) + len(b.ridden) }
