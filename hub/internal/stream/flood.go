package stream

import (
	"time"

	"github.com/bramble-cam/bramble/shared/drop"
)

// floodQuiet is how long nothing must have been shed before a flood is over.
const floodQuiet = 5 * time.Second

// flood is a time in which more frames come than are taken.
type flood struct{ since, last time.Time }

// CountRateLimited counts a frame that came beyond what is taken of a camera, and of which therefore nothing was looked at. H.264 goes on with the next key frame that is taken.
func (s *Stream) CountRateLimited(now time.Time) {
	s.Drops.Add(drop.Flood, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.admitted.shed++
	if now.Sub(s.flood.last) > floodQuiet {
		s.flood.since = now
	}
	s.flood.last = now
}

// RateLimitedSince returns since when more frames come than are taken; ok is false if that is over.
func (s *Stream) RateLimitedSince(now time.Time) (since time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flood.since, !s.flood.last.IsZero() && now.Sub(s.flood.last) <= floodQuiet
}
