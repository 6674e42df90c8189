package stream

import (
	"time"

	"github.com/bramble-cam/bramble/shared/drop"
)

// overloadTimeout is how long all packets must be within the limits before an overload is over.
const overloadTimeout = 5 * time.Second

// overload is a time in which more packets come than the limits allow.
type overload struct{ since, last time.Time }

// CountRateLimited counts a packet beyond the limits of a camera, of which the hub has read nothing. Video continues
// with the next key packet within the limits.
func (s *Stream) CountRateLimited(now time.Time) {
	s.Drops.Add(drop.Flood, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracks[s.main].sequencer.rateLimited++
	if now.Sub(s.overload.last) > overloadTimeout {
		s.overload.since = now
	}
	s.overload.last = now
}

// RateLimitedSince returns when the current overload began. ok is false if there is none.
func (s *Stream) RateLimitedSince(now time.Time) (since time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overload.since, !s.overload.last.IsZero() && now.Sub(s.overload.last) <= overloadTimeout
}
