package publish

import "time"

const (
	probeInterval = time.Second
	minAnswerTime = 250 * time.Millisecond

	// carryWait is how long a due question of a live stream waits for a frame to carry it, before it is sent without
	// one.
	carryWait = 200 * time.Millisecond

	// stillWait is added to that for stills, which come once a second at most. A consumer that takes each message for a
	// picture, such as Home Assistant over MQTT, would see an empty one every second.
	stillWait = time.Second

	// offlineLinger is how long demand outlives a lost connection. Capture goes on, so that the first frame after a
	// short outage is fresh.
	offlineLinger = time.Minute

	never = time.Hour
)

// interest finds out whether one subject has subscribers anywhere. It is a pure state machine (wire protocol v1,
// "Interest is demand"): a message with a reply subject is a question, and the server answers 503 if there are no
// subscribers. Silence means yes. For an idle stream it means yes only if the server has answered a PING since: a
// link that is slow or dead for a moment must not start cameras.
//
// The zero time of its fields means "not set". All methods are called by the publisher's goroutine.
type interest struct {
	linger    time.Duration
	extraWait time.Duration // how much longer than carryWait a question waits for a frame to carry it

	wanted    bool      // there are subscribers, or were less than linger ago
	refusing  bool      // the latest answer was a 503: only then may the demand end
	lastWant  time.Time // the last evidence of a subscriber
	before    time.Time // lastWant before the latest question was settled, to take that back when a late 503 comes
	nextProbe time.Time

	question uint64       // number of the latest question
	asked    time.Time    // when it was asked; zero once it is settled
	askedAt  [8]time.Time // when the latest questions were asked, by number modulo 8; zero once a 503 has come
	rtt      time.Duration
}

// due reports whether a question should be asked now, with a frame if there is one.
func (i *interest) due(now time.Time) bool { return i.asked.IsZero() && !now.Before(i.nextProbe) }

// dueAlone reports whether a question should be asked now without a frame: at once when the stream is idle, and after
// a while when it is live, because then a frame will most likely carry it.
func (i *interest) dueAlone(now time.Time) bool {
	return i.due(now) && (!i.wanted || now.Sub(i.nextProbe) >= carryWait+i.extraWait)
}

// ask notes that a question goes out now.
func (i *interest) ask(now time.Time) {
	i.question++
	i.asked, i.askedAt[i.question%uint64(len(i.askedAt))] = now, now
	i.nextProbe = now.Add(probeInterval)
}

// noResponders notes the server's "no responders" to question n.
func (i *interest) noResponders(n uint64, now time.Time) {
	if n > i.question || i.question-n >= uint64(len(i.askedAt)) {
		return
	}
	askedAt := &i.askedAt[n%uint64(len(i.askedAt))]
	if askedAt.IsZero() {
		return
	}
	i.rtt = max(now.Sub(*askedAt), i.rtt*7/8) // falls slowly, rises at once
	*askedAt = time.Time{}
	if n != i.question {
		return // too late to count, but the next answer will be waited for
	}
	if i.asked.IsZero() {
		i.lastWant = i.before // the answer was slow, not absent
	}
	i.asked, i.refusing = time.Time{}, true
	i.settle(now)
}

// tick takes silence of a live stream as an answer, and ends the demand after the linger time without subscribers.
func (i *interest) tick(now time.Time) {
	if i.wanted && i.silent(now) {
		i.accept(now)
	}
	i.settle(now)
}

// doubtful reports that the question of an idle stream met with silence. Then send a PING and call pingDone.
func (i *interest) doubtful(now time.Time) bool { return !i.wanted && i.silent(now) }

// pingDone notes the result of a PING that was sent after question n: a PONG without a 503 before it, or no PONG.
func (i *interest) pingDone(n uint64, pong bool, now time.Time) {
	switch {
	case n != i.question || i.asked.IsZero():
	case pong:
		i.accept(now)
	default:
		i.asked = time.Time{}
	}
}

func (i *interest) silent(now time.Time) bool {
	return !i.asked.IsZero() && now.Sub(i.asked) >= i.answerTime()
}

// accept settles the latest question: there are subscribers.
func (i *interest) accept(now time.Time) {
	i.asked = time.Time{}
	i.before, i.lastWant = i.lastWant, now
	i.wanted, i.refusing = true, false
}

func (i *interest) settle(now time.Time) {
	if i.refusing && i.asked.IsZero() && now.Sub(i.lastWant) >= i.linger {
		i.wanted = false
	}
}

// wake notes demand from a consumer that does not wait for a question.
func (i *interest) wake(now time.Time) {
	i.before, i.lastWant, i.wanted, i.refusing = now, now, true, false
}

// forgetQuestions forgets the questions on a lost connection. Their answers will not come, and that means nothing.
func (i *interest) forgetQuestions(now time.Time) {
	i.asked, i.askedAt, i.rtt = time.Time{}, [8]time.Time{}, 0
	i.nextProbe = now
}

// connectionLost notes that there is no connection since a time. It is called repeatedly. The demand stays for
// offlineLinger.
func (i *interest) connectionLost(now, since time.Time) {
	i.forgetQuestions(now)
	switch {
	case now.Sub(since) >= offlineLinger:
		i.refusing = true
	case i.wanted:
		i.lastWant = now
	}
}

// next returns when tick or due has something to do again, provided that both were asked at now.
func (i *interest) next(now time.Time) time.Time {
	switch {
	case i.doubtful(now):
		return now.Add(never) // pingDone will be called
	case !i.asked.IsZero():
		return i.asked.Add(i.answerTime())
	case !i.wanted:
		return i.nextProbe
	}
	t := i.nextProbe.Add(carryWait + i.extraWait)
	if end := i.lastWant.Add(i.linger); i.refusing && end.Before(t) {
		t = end
	}
	return t
}

func (i *interest) answerTime() time.Duration { return max(minAnswerTime, 4*i.rtt) }
