package access

import (
	"sync"
	"time"
)

const (
	// freeOfAddress and freeOfNetwork are how many wrong passwords cause no wait.
	// Several people may share an address or a network.
	freeOfAddress = 10
	freeOfNetwork = 50

	maxWait = time.Minute

	// forgetAfter is how long after the last wrong password the count begins anew.
	forgetAfter = 15 * time.Minute

	// maxStrikes bounds how many entries of each kind are remembered.
	maxStrikes = 4096
)

// backoff makes those wait who fail: 1 s after the last free failure, and twice as long after each further one, up to a minute.
type backoff struct {
	free int

	mu      sync.Mutex
	strikes map[string]*strikes // guarded by mu
}

type strikes struct {
	count int
	last  time.Time
}

func newBackoff(free int) *backoff { return &backoff{free: free, strikes: make(map[string]*strikes)} }

// wait returns how long key has to wait now.
func (b *backoff) wait(key string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.strikes[key]
	if s == nil {
		return 0
	}
	return max(0, s.last.Add(b.delay(s.count)).Sub(now))
}

func (b *backoff) delay(count int) time.Duration {
	over := count - b.free
	if over < 0 {
		return 0
	}
	return min(maxWait, time.Second<<min(over, 10))
}

// failed counts a failure of key.
func (b *backoff) failed(key string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.strikes[key]
	if s == nil {
		if len(b.strikes) >= maxStrikes {
			b.makeRoom(now)
		}
		s = &strikes{}
		b.strikes[key] = s
	}
	if now.Sub(s.last) > forgetAfter {
		s.count = 0
	}
	s.count++
	s.last = now
}

// makeRoom forgets those who failed long ago, and in any case the one of the longest ago.
func (b *backoff) makeRoom(now time.Time) {
	oldest := ""
	for key, s := range b.strikes {
		switch {
		case now.Sub(s.last) > forgetAfter:
			delete(b.strikes, key)
		case oldest == "" || s.last.Before(b.strikes[oldest].last):
			oldest = key
		}
	}
	if len(b.strikes) >= maxStrikes {
		delete(b.strikes, oldest)
	}
}

// forgive forgets the failures of key.
func (b *backoff) forgive(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.strikes, key)
}
