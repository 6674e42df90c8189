package publish

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// livenessTest is a liveness and its clock.
type livenessTest struct {
	liveness
	t   *testing.T
	now time.Time
}

func newProofTest(t *testing.T) *livenessTest { return &livenessTest{t: t, now: time.Unix(1000, 0)} }

// sign lets a PING that took rtt be answered now.
func (p *livenessTest) sign(rtt time.Duration) { p.pongReceived(p.now.Add(-rtt), p.now) }

// frames lets n frames come, every d.
func (p *livenessTest) frames(n int, d time.Duration) {
	for range n {
		p.now = p.now.Add(d)
		p.frameArrived(p.now)
	}
}

// dueIn is when the next PING is due; never if not before a frame has come.
func (p *livenessTest) dueIn(waits bool) time.Duration { return p.pingDue(waits, p.now).Sub(p.now) }

func (p *livenessTest) expect(what string, got, want any) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestProofLapses(t *testing.T) {
	p := newProofTest(t)
	p.expect("valid before any PONG", p.valid(p.now), false)
	p.sign(3 * ms)
	p.expect("valid at once", p.valid(p.now), true)
	p.expect("valid after 16 ms", p.valid(p.now.Add(16*ms)), true)
	p.expect("valid after 17 ms", p.valid(p.now.Add(17*ms)), false)
	p.sign(600 * ms)
	p.sign(1 * ms)
	p.expect("valid for half a second at most", p.valid(p.now.Add(livenessTimeout+2*maxRTT+1)), false)
}

func TestProofRoundTrip(t *testing.T) {
	p := newProofTest(t)
	p.sign(80 * ms)
	p.expect("the first", p.rtt, 80*ms)
	p.sign(16 * ms)
	p.expect("falls at once", p.rtt, 16*ms)
	p.sign(32 * ms)
	p.expect("rises slowly", p.rtt, 17*ms)
	for range 200 {
		p.sign(time.Minute)
	}
	if p.rtt <= maxRTT*9/10 || p.rtt > maxRTT {
		t.Errorf("after many slow ones: %v, want nearly %v", p.rtt, maxRTT)
	}
}

// TestPingsAhead: a frame that comes in time finds a valid PONG.
func TestPingsAhead(t *testing.T) {
	for _, c := range []struct {
		gap, rtt, want time.Duration
	}{
		{33 * ms, 0, 28 * ms},
		{33 * ms, 2 * ms, 24 * ms},
		{33 * ms, 100 * ms, -172 * ms}, // at once: one PING upon the other
		{time.Second, 1 * ms, 993 * ms},
	} {
		p := newProofTest(t)
		p.sign(c.rtt)
		p.frames(3, c.gap)
		p.expect("due", p.dueIn(false), c.want)
		asked := p.now.Add(max(0, c.want))
		p.sign(0)
		p.rtt, p.lastPong = c.rtt, asked.Add(c.rtt)
		p.expect("valid when the frame comes", p.valid(p.now.Add(c.gap)), true)
	}
}

func TestProofIsAskedForOnce(t *testing.T) {
	p := newProofTest(t)
	p.expect("due before any frame", p.dueIn(false), never)
	p.expect("due for a frame that waits", p.dueIn(true), time.Duration(0))
	p.frames(1, ms)
	p.expect("due after the first frame: the next one's time is unknown", p.dueIn(false), never)
	p.frames(1, 33*ms)
	p.pinged = true
	p.expect("due, though asked for this frame already", p.dueIn(false), never)
	p.frameArrived(p.now) // the frame that waited for the answer
	p.expect("due, though it is the same frame", p.dueIn(false), never)
	p.frames(1, 33*ms)
	p.expect("due after the next frame", p.dueIn(false), 28*ms)
	p.frames(1, time.Minute)
	p.expect("due after a pause", p.dueIn(false), never)
	p.pingFailed(p.now)
	p.expect("due after a failure", p.dueIn(true), pingRetry)
	p.now = p.now.Add(pingRetry)
	p.expect("due later after a failure", p.dueIn(true), time.Duration(0))
}
