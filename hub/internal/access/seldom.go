package access

import (
	"sync"
	"time"
)

const (
	seldomInterval = time.Minute
	maxSeldom      = 1024
)

// Seldom lets a line about the same thing through once a minute, so that a stranger cannot fill the log. While more things happen than it can
// remember it is silent about further ones.
type Seldom struct {
	mu   sync.Mutex
	said map[string]*saying // guarded by mu
}

type saying struct {
	at   time.Time
	kept int // lines since then
}

// NewSeldom returns a Seldom that has said nothing yet.
func NewSeldom() *Seldom { return &Seldom{said: make(map[string]*saying)} }

// Say reports whether to log now about key, and how many lines were kept back since the last one.
func (s *Seldom) Say(key string, now time.Time) (ok bool, keptBack int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.said[key]; l != nil {
		if now.Sub(l.at) < seldomInterval {
			l.kept++
			return false, 0
		}
		keptBack, l.kept, l.at = l.kept, 0, now
		return true, keptBack
	}
	if len(s.said) >= maxSeldom {
		for k, l := range s.said {
			if now.Sub(l.at) >= seldomInterval {
				delete(s.said, k)
			}
		}
		if len(s.said) >= maxSeldom {
			return false, 0
		}
	}
	s.said[key] = &saying{at: now}
	return true, 0
}
