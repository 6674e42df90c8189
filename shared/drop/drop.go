// Package drop names every reason for which Bramble loses a frame on purpose or by fault, and counts the losses.
package drop

import "sync/atomic"

// Reason says why a frame was dropped. The text is the label in metrics, status documents and logs.
type Reason uint8

// The reasons.
const (
	QueueHead  Reason = iota // JPEG: a newer picture took its place before it could be sent
	Lagged                   // a viewer or the uplink was too slow: skipped to the newest picture or key frame
	Gone                     // there was no connection to send it over
	Oversize                 // larger than NATS or frame.MaxPayload allows
	Decode                   // not what its format or the wire protocol promises
	Gap                      // H.264: came after a lost access unit and before the next key frame
	OldEpoch                 // belongs to an earlier run of the stream, or to a second agent with the same camera id
	NoKey                    // H.264: came before the first key frame
	Warmup                   // came while the exposure of a camera that was just opened settled
	Driver                   // lost between sensor and driver, as the driver's frame numbers tell
	Flood                    // came beyond the frames per second that a hub takes of a camera
	Dimensions               // a picture of more pixels than frame.CheckSize or a hub allows
	Boundary                 // JPEG: contains the boundary of an MJPEG response
	numReasons
)

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

// Counters counts drops by reason. The zero value is ready; all methods may be called from several goroutines.
type Counters struct{ n [numReasons]atomic.Uint64 }

// Add counts n drops for reason r.
func (c *Counters) Add(r Reason, n uint64) {
	if n > 0 && r < numReasons {
		c.n[r].Add(n)
	}
}

// Get returns the drops counted for reason r.
func (c *Counters) Get(r Reason) uint64 { return c.n[r].Load() }

// Map returns the non-zero counts by the name of their reason.
func (c *Counters) Map() map[string]uint64 {
	m := make(map[string]uint64)
	for r := range numReasons {
		if n := c.n[r].Load(); n > 0 {
			m[r.String()] = n
		}
	}
	return m
}

// Each calls f for every reason, with its count, in a fixed order.
func (c *Counters) Each(f func(Reason, uint64)) {
	for r := range numReasons {
		f(r, c.n[r].Load())
	}
}
