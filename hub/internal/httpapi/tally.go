package httpapi

import "sync"

// tally counts by a label. Labels that it was made with are there from the start, so that rates can be computed.
type tally struct {
	mu sync.Mutex
	n  map[string]uint64 // guarded by mu
}

func newTally(labels ...string) *tally {
	t := &tally{n: make(map[string]uint64)}
	for _, label := range labels {
		t.n[label] = 0
	}
	return t
}

func (t *tally) add(label string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n[label]++
}

func (t *tally) each(f func(label string, n uint64)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for label, n := range t.n {
		f(label, n)
	}
}
