// Package hostclock converts the kernel's monotonic times to instants, and tells the error of the host's clock.
package hostclock

import "time"

const (
	refresh = time.Second // how often the distance between the two clocks is measured
	tries   = 3           // readings each time, of which the narrowest counts
)

// Clock converts CLOCK_MONOTONIC, by which V4L2 stamps frames, to wall time. It follows steps and slews of the host's
// clock within a second. It belongs to one goroutine. The zero value is ready.
type Clock struct {
	offset time.Duration // wall time as Unix nanoseconds, minus monotonic time
	at     time.Duration // when offset was measured, monotonic; 0 means never
	read   func() reading
}

// reading is the wall clock read between two readings of the monotonic one.
type reading struct{ before, wall, after time.Duration }

// New returns a Clock.
func New() *Clock { return &Clock{} }

// Wall returns the instant of the CLOCK_MONOTONIC time mono.
func (c *Clock) Wall(mono time.Duration) time.Time {
	if now := Now(); c.at == 0 || now-c.at >= refresh {
		c.measure()
		c.at = now
	}
	return time.Unix(0, int64(mono+c.offset))
}

func (c *Clock) measure() {
	read := c.read
	if read == nil {
		read = takeReading
	}
	narrowest := time.Duration(-1)
	for range tries {
		r := read()
		if width := r.after - r.before; narrowest < 0 || width < narrowest {
			narrowest = width
			c.offset = r.wall - (r.before + width/2)
		}
	}
}
