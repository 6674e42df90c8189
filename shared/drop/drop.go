// Package drop names the reasons for which Bramble drops a frame, and counts the drops.
package drop

import "sync/atomic"

// Reason says why a frame was dropped. Its String is the word in metrics, status documents and logs.
type Reason uint8

// The reasons.
const (
	QueueHead  Reason = iota // JPEG: a newer picture replaced it before it could be sent
	Lagged                   // the viewer or the uplink was too slow, and continued at a newer frame
	Gone                     // there was no connection to send it over
	Oversize                 // larger than NATS or frame.MaxPayload allows
	Decode                   // does not follow its format or the wire protocol
	Gap                      // H.264: follows a lost access unit, before the next key frame
	OldEpoch                 // from an earlier run of the stream, or from a second agent with the same camera id
	NoKey                    // H.264: arrived before the first key frame
	Warmup                   // arrived while the exposure of a newly opened camera settled
	Driver                   // the driver's frame numbers have a gap
	Flood                    // exceeded the rate that a hub accepts from a camera
	Dimensions               // more pixels than frame.CheckSize or the hub allows
	Boundary                 // JPEG: contains the boundary of an MJPEG response
	numReasons
)

// String returns the reason in lower case, with underscores, such as "queue_head".
func (r Reason) String() string {
	switch r {
	case QueueHead:
		return "queue_head"
	case Lagged:
		return "lagged"
	case Gone:
		return "gone"
	case Oversize:
		return "oversize"
	case Decode:
		return "decode"
	case Gap:
		return "gap"
	case OldEpoch:
		return "old_epoch"
	case NoKey:
		return "no_key"
	case Warmup:
		return "warmup"
	case Driver:
		return "driver"
	case Flood:
		return "flood"
	case Dimensions:
		return "dimensions"
	case Boundary:
		return "boundary"
	}
	return "unknown"
}

// Counters counts drops by reason. The zero value is ready to use. All methods are safe for concurrent use.
type Counters struct{ n [numReasons]atomic.Uint64 }

// Add counts n drops for reason r.
func (c *Counters) Add(r Reason, n uint64) {
	if n > 0 && r < numReasons {
		c.n[r].Add(n)
	}
}

// Get returns the drops counted for reason r.
func (c *Counters) Get(r Reason) uint64 { return c.n[r].Load() }

// Map returns the counts above zero, by the word for their reason. Status documents have this form.
func (c *Counters) Map() map[string]uint64 {
	m := make(map[string]uint64)
	for r := range numReasons {
		if n := c.n[r].Load(); n > 0 {
			m[r.String()] = n
		}
	}
	return m
}

// Each calls f for every reason with its count, zero included, in a fixed order.
func (c *Counters) Each(f func(Reason, uint64)) {
	for r := range numReasons {
		f(r, c.n[r].Load())
	}
}
