package stream

import (
	"runtime"
	"sync/atomic"
)

// share is how many cursors a round serves in a row before it lets other goroutines run: other cameras must not wait for a popular one.
const share = 16

// round is the way of one frame to all cursors that are lent. It is over when all are served, by goroutines of some of them.
type round struct {
	cursors []*Cursor
	next    atomic.Int64 // index of the first cursor that no worker has taken
	workers int          // that have not ended; guarded by Stream.mu
}

// startRoundLocked wakes workers for a round: a goroutine for each processor at the most, since those that write to sockets do not wait for anything.
func (s *Stream) startRoundLocked() {
	n := len(s.following)
	wanted := min(runtime.GOMAXPROCS(0), (n+share-1)/share)
	var r *round
	for _, c := range s.following {
		if wanted == 0 {
			break
		}
		if l := &c.loan; !l.parked || l.served || l.round != nil {
			continue
		}
		if r == nil {
			r = s.newRoundLocked()
		}
		wanted--
		r.workers++
		c.loan.round = r
		c.poke()
	}
	if s.due = r == nil && n > 0; s.due {
		return // all are at work: they look for themselves, or at the end of their round for all
	}
	if r != nil {
		r.cursors, s.following = s.following, r.cursors
	}
}

func (s *Stream) newRoundLocked() *round {
	if last := len(s.spare) - 1; last >= 0 {
		r := s.spare[last]
		s.spare = s.spare[:last]
		return r
	}
	return &round{}
}

// work serves cursors of the round until there are no more.
func (c *Cursor) work(r *round) {
	for all := len(r.cursors); ; runtime.Gosched() {
		end := int(r.next.Add(share))
		for _, other := range r.cursors[min(end-share, all):min(end, all)] {
			other.serve()
		}
		if end >= all {
			break
		}
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	c.loan.round = nil
	if r.workers--; r.workers == 0 {
		clear(r.cursors)
		r.cursors = r.cursors[:0]
		r.next.Store(0)
		s.spare = append(s.spare, r)
	}
	if s.due {
		s.startRoundLocked()
	}
}
