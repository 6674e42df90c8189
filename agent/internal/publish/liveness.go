package publish

import "time"

const (
	// livenessTimeout is how long a PONG counts, in addition to two round trips.
	livenessTimeout = 10 * time.Millisecond

	// pingAhead is how long before the next frame a PING is sent, in addition to two round trips.
	pingAhead = 5 * time.Millisecond

	// maxRTT bounds the round trip that is assumed, and so what may be in flight: about half a second, as in the queue.
	maxRTT = 250 * time.Millisecond

	// maxFrameInterval is the longest interval between frames for which the next frame is predicted.
	maxFrameInterval = 2 * time.Second

	pingRetry = 100 * time.Millisecond
)

// liveness tells whether the server reads what it is sent. The host of a frozen server still accepts several MB,
// which the server delivers when it wakes up: seconds of old frames. So a frame is sent only shortly after a PONG,
// and a PING is sent shortly before each frame is due. This also bounds what is in flight on a slow uplink.
//
// The zero time of its fields means "never". All methods are called by the publisher's goroutine.
type liveness struct {
	lastPong time.Time     // when the latest PONG came
	rtt      time.Duration // falls at once and rises slowly: frames in front of a PING delay it
	retry    time.Time     // when to send another PING after one has failed

	lastFrame     time.Time     // when the latest frame came
	frameInterval time.Duration // between the latest two frames
	pinged        bool          // since the latest frame
}

// valid reports whether a frame may be sent now.
func (p *liveness) valid(now time.Time) bool { return now.Sub(p.lastPong) <= livenessTimeout+2*p.rtt }

// pongReceived notes the PONG to a PING that was sent at a time.
func (p *liveness) pongReceived(sent, now time.Time) {
	rtt := min(now.Sub(sent), maxRTT)
	if rise := (rtt - p.rtt) / 16; rise > 0 && !p.lastPong.IsZero() {
		rtt = p.rtt + rise
	}
	p.rtt, p.lastPong, p.retry = rtt, now, time.Time{}
}

// pingFailed notes that no PONG came.
func (p *liveness) pingFailed(now time.Time) { p.retry = now.Add(pingRetry) }

// frameArrived notes a frame that was queued at a time.
func (p *liveness) frameArrived(at time.Time) {
	if at.Equal(p.lastFrame) {
		return
	}
	p.frameInterval, p.lastFrame, p.pinged = at.Sub(p.lastFrame), at, false
}

// pingDue returns when to send a PING: at once for a frame that waits, or shortly before the next one.
func (p *liveness) pingDue(waits bool, now time.Time) time.Time {
	at := now
	if !waits {
		if p.pinged || p.frameInterval <= 0 || p.frameInterval > maxFrameInterval {
			return now.Add(never)
		}
		at = p.lastFrame.Add(p.frameInterval - pingAhead - 2*p.rtt)
	}
	if at.Before(p.retry) {
		return p.retry
	}
	return at
}
