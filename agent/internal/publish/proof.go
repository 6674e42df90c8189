package publish

import "time"

const (
	// proofTime is how long a sign of life counts, beside two round trips.
	proofTime = 10 * time.Millisecond

	// askAhead is how long before the next frame one is asked for, beside two round trips, so that no frame has to wait for it.
	askAhead = 5 * time.Millisecond

	// maxProofRTT bounds what is taken for the round trip, and so how much may be on its way: about half a second, as in the queue.
	maxProofRTT = 250 * time.Millisecond

	// maxGap is the longest time between frames in which the next one is foreseen.
	maxGap = 2 * time.Second

	proofRetry = 100 * time.Millisecond
)

// proof says whether the server is known to read what it is sent. A frozen server's host goes on taking in what comes, up to several MB, and
// the server delivers that when it wakes up: seconds of pictures that are as old as the outage. So a frame is sent only shortly after a sign of
// life (the answer to a PING), and one is asked for shortly before each frame is due. It also bounds what is on its way over a slow uplink.
//
// The zero time of its fields means "never". All methods are called by the publisher's goroutine.
type proof struct {
	seen  time.Time     // when the latest sign of life came
	rtt   time.Duration // how long it took: falls at once and rises slowly, since what is on its way in front of a PING delays it
	retry time.Time     // when to ask again after a PING has failed

	frame time.Time     // when the latest frame came
	gap   time.Duration // and how long after the one before
	asked bool          // since then
}

// valid reports whether a frame may be sent now.
func (p *proof) valid(now time.Time) bool { return now.Sub(p.seen) <= proofTime+2*p.rtt }

// answered notes a sign of life that was asked for at sent.
func (p *proof) answered(sent, now time.Time) {
	rtt := min(now.Sub(sent), maxProofRTT)
	if rise := (rtt - p.rtt) / 16; rise > 0 && !p.seen.IsZero() {
		rtt = p.rtt + rise
	}
	p.rtt, p.seen, p.retry = rtt, now, time.Time{}
}

// failed notes that there was none.
func (p *proof) failed(now time.Time) { p.retry = now.Add(proofRetry) }

// came notes that a frame came, which was sent or will be.
func (p *proof) came(at time.Time) {
	if at.Equal(p.frame) {
		return
	}
	p.gap, p.frame, p.asked = at.Sub(p.frame), at, false
}

// due returns when to ask for a sign of life: at once for a frame that waits, else shortly before the next one.
func (p *proof) due(waits bool, now time.Time) time.Time {
	at := now
	if !waits {
		if p.asked || p.gap <= 0 || p.gap > maxGap {
			return now.Add(never)
		}
		at = p.frame.Add(p.gap - askAhead - 2*p.rtt)
	}
	if at.Before(p.retry) {
		return p.retry
	}
	return at
}
