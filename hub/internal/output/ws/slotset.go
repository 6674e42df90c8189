package ws

import (
	"errors"
	"slices"
)

// maxRuns bounds the memory for the numbers that a connection has used.
const maxRuns = 1024

var (
	errUsed      = errors.New("has been used on this connection: count upwards")
	errScattered = errors.New("cannot be used: the numbers so far leave too many gaps: count upwards")
)

// slotSet is a set of slot numbers. A client that counts upwards makes one run of them.
type slotSet struct{ runs []run }

// run is all numbers from first to last.
type run struct{ first, last uint32 }

// find returns the index of the first run that ends at n or later.
func (s *slotSet) find(n uint32) int {
	i, _ := slices.BinarySearchFunc(s.runs, n, func(r run, n uint32) int {
		if r.last < n {
			return -1
		}
		return 1
	})
	return i
}

func (s *slotSet) has(n uint32) bool {
	i := s.find(n)
	return i < len(s.runs) && s.runs[i].first <= n
}

// add puts n, which is not 0, into the set, or says why it cannot.
func (s *slotSet) add(n uint32) error {
	if s.has(n) {
		return errUsed
	}
	i := s.find(n)
	after := i < len(s.runs) && s.runs[i].first-1 == n
	before := i > 0 && s.runs[i-1].last+1 == n
	switch {
	case before && after:
		s.runs[i-1].last = s.runs[i].last
		s.runs = slices.Delete(s.runs, i, i+1)
	case before:
		s.runs[i-1].last = n
	case after:
		s.runs[i].first = n
	case len(s.runs) >= maxRuns:
		return errScattered
	default:
		s.runs = slices.Insert(s.runs, i, run{n, n})
	}
	return nil
}
