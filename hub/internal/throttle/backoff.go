package throttle

import (
	"sync"
	"time"
)

const (
	// addressFreeAttempts and networkFreeAttempts are how many wrong passwords cause no wait.
	// Several people may share an address or a network. userFreeAttempts holds for a user at a known address.
	addressFreeAttempts = 10
	networkFreeAttempts = 50
	userFreeAttempts    = 10

	maxWait = time.Minute

	// forgetAfter is how long after the last wrong password the count begins again.
	forgetAfter = 15 * time.Minute

	// maxFailures bounds how many entries of each kind are remembered.
	maxFailures = 4096
)

// backoff makes keys wait that fail: 1 s after the last free failure, then twice as long each time, up to a minute.
type backoff struct {
	free int

	mu       sync.Mutex
	failures map[string]*failures // guarded by mu
}

type failures struct {
	count int
	last  time.Time
}

func newBackoff(free int) *backoff { return &backoff{free: free, failures: make(map[string]*failures)} }

// wait returns how long key has to wait now.
func (b *backoff) wait(key string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.failures[key]
	if f == nil {
		return 0
	}
	return max(0, f.last.Add(delay(f.count-b.free)).Sub(now))
}

// delay returns the wait after this many failures beyond the free ones.
func delay(over int) time.Duration {
	if over < 0 {
		return 0
	}
	return min(maxWait, time.Second<<min(over, 10))
}

// failed counts a failure of key.
func (b *backoff) failed(key string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.failures[key]
	if f == nil {
		if len(b.failures) >= maxFailures {
			b.evictOldest(now)
		}
		f = &failures{}
		b.failures[key] = f
	}
	if now.Sub(f.last) > forgetAfter {
		f.count = 0
	}
	f.count++
	f.last = now
}

// evictOldest drops the keys that failed long ago, and in any case the oldest one.
func (b *backoff) evictOldest(now time.Time) {
	oldest := ""
	for key, f := range b.failures {
		switch {
		case now.Sub(f.last) > forgetAfter:
			delete(b.failures, key)
		case oldest == "" || f.last.Before(b.failures[oldest].last):
			oldest = key
		}
	}
	if len(b.failures) >= maxFailures {
		delete(b.failures, oldest)
	}
}

// reset forgets the failures of key.
func (b *backoff) reset(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.failures, key)
}
