package stream

import (
	"time"

	"github.com/bramble-cam/bramble/shared/drop"
)

// overloadTimeout is how long no packet must have been beyond the limits before an overload is over.
const overloadTimeout = 5 * time.Second

// overload is a time in which more packets come than are taken.
type overload struct{ since, last time.Time }

// CountRateLimited counts a packet beyond the limits of a camera, of which therefore nothing was looked at. Video goes
// on with the next key packet that is taken.
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

// RateLimitedSince returns since when more packets come than are taken; ok is false if that is over.
func (s *Stream) RateLimitedSince(now time.Time) (since time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overload.since, !s.overload.last.IsZero() && now.Sub(s.overload.last) <= overloadTimeout
}
