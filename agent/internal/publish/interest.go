package publish

import "time"

const (
	probeInterval = time.Second
	minAnswerTime = 250 * time.Millisecond

	// frameWait is how long a due question of a live stream waits for a frame to ride on, before it goes out without payload.
	frameWait = 200 * time.Millisecond

	// offlineGrace is how long demand outlives a lost connection: capture goes on, so that the first frame after a short outage is fresh.
	offlineGrace = time.Minute
)

// interest finds out whether anybody, anywhere, subscribes to one subject. It is a pure state machine (wire protocol v1, "Interest is demand"):
// a message with a reply subject is a question, to which the server answers 503 if there are no subscribers. Silence means yes.
//
// The zero time of its fields means "not set". All methods are called by the publisher's goroutine.
type interest struct {
	linger time.Duration

	wanted    bool      // somebody subscribes, or did less than linger ago
	lastWant  time.Time // the last evidence of a subscriber
	before    time.Time // lastWant before the latest question was settled, to take that back when a late 503 comes
	nextProbe time.Time

	question uint64    // number of the latest question
	asked    time.Time // when it was asked; zero once it is settled
	askedAt  time.Time // when it was asked, kept after it is settled
	rtt      time.Duration
}

// due reports whether a question should be asked now, with a frame if there is one.
func (i *interest) due(now time.Time) bool { return i.asked.IsZero() && !now.Before(i.nextProbe) }

// dueAlone reports whether a question should be asked now without a frame: at once when the stream is idle, after a while when it is
// live, since then a frame will most likely carry it.
func (i *interest) dueAlone(now time.Time) bool {
	return i.due(now) && (!i.wanted || now.Sub(i.nextProbe) >= frameWait)
}

// ask notes that a question goes out now and returns its number.
func (i *interest) ask(now time.Time) uint64 {
	i.question++
	i.asked, i.askedAt = now, now
	i.nextProbe = now.Add(probeInterval)
	return i.question
}

// refused notes the server's "no responders" to question n.
func (i *interest) refused(n uint64, now time.Time) {
	if n != i.question {
		return
	}
	i.rtt = max(now.Sub(i.askedAt), i.rtt*7/8) // falls slowly, rises at once
	if i.asked.IsZero() {
		i.lastWant = i.before // the answer was slow, not absent
	}
	i.asked = time.Time{}
	i.settle(now)
}

// tick takes the time that went by as an answer, and ends the demand when nobody has been there for the linger time. It reports true
// if wanted has changed.
func (i *interest) tick(now time.Time) (changed bool) {
	was := i.wanted
	if !i.asked.IsZero() && now.Sub(i.asked) >= i.answerTime() {
		i.asked = time.Time{}
		i.before, i.lastWant = i.lastWant, now
		i.wanted = true
	}
	i.settle(now)
	return was != i.wanted
}

func (i *interest) settle(now time.Time) {
	if i.wanted && now.Sub(i.lastWant) >= i.linger {
		i.wanted = false
	}
}

// wake notes demand from somebody who does not wait for a question.
func (i *interest) wake(now time.Time) {
	i.before, i.lastWant, i.wanted = now, now, true
}

// lost notes, again and again, that there is no connection: nothing can be learned, so the demand stays for offlineGrace.
func (i *interest) lost(now, since time.Time) {
	i.asked = time.Time{}
	i.nextProbe = now
	if now.Sub(since) < offlineGrace && i.wanted {
		i.lastWant = now
	}
}

// next returns when tick or due has something to do again.
func (i *interest) next() time.Time {
	t := i.nextProbe
	switch {
	case !i.asked.IsZero():
		t = i.asked.Add(i.answerTime())
	case i.wanted:
		t = t.Add(frameWait)
	}
	if end := i.lastWant.Add(i.linger); i.wanted && end.Before(t) {
		t = end
	}
	return t
}

func (i *interest) answerTime() time.Duration { return max(minAnswerTime, 4*i.rtt) }
