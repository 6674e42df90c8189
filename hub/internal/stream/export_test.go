package stream

import "time"

// What the tests must know.
const (
	EpochTimeout = epochTimeout
	MaxLost      = maxLost
	RateTimeout  = rateTimeout
)

// Ring is what a stream holds at one moment.
type Ring struct {
	Packets []*Packet
	Bytes   int
	Next    uint64 // index of the next packet
	LastKey uint64 // index of the newest key packet, if HasKey
	HasKey  bool
}

// Ring returns what the stream holds.
func (s *Stream) Ring() Ring {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Ring{s.packets, s.bytes, s.next, s.lastKey, s.hasKey}
}

// Bounds returns the bounds in force.
func (s *Stream) Bounds() (maxBytes int, liveBudget time.Duration) {
	return s.cfg.MaxBytes, s.cfg.LiveBudget
}

// Followed returns the run that the main track follows, and when its last packet came; ok is false before the first
// one.
func (s *Stream) Followed() (epoch int64, seq uint64, last time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.tracks[s.main].sequencer
	return q.epoch, q.seq, q.last, q.started
}

// Forget makes the last packet of the main track long ago.
func (s *Stream) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracks[s.main].sequencer.last = time.Time{}
}

// Rewind makes the newest packet new again for the cursor.
func (c *Cursor) Rewind() { c.next = c.s.next - 1 }
