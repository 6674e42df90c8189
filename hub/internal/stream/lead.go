package stream

import (
	"slices"

	"github.com/bramble-cam/bramble/shared/frame"
)

// PacketsSinceKey returns what a decoder needs, in order, to show the newest frame: that alone if it is a JPEG, else everything from the newest key frame on. A decoder
// that has been given all frames before index from needs only those from there on, if no key frame has come since; 0 is for one that has been given none.
// It is empty if there is no picture, or none from there on.
func (s *Stream) PacketsSinceKey(from uint64) []*Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.frames)
	if n == 0 || from >= s.next {
		return nil
	}
	first := s.frames[0].Index
	switch {
	case s.cfg.Format == frame.JPEG:
		return []*Packet{s.frames[n-1]}
	case from > first && (!s.hasKey || from > s.lastKey):
		return slices.Clone(s.frames[from-first:])
	case s.hasKey:
		return slices.Clone(s.frames[s.lastKey-first:])
	}
	return nil
}
