package control

import (
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What may wait for each verb.
const (
	maxPending      = 1024
	maxPendingBytes = 128 << 10
)

// How often each kind of question is answered in a second, by all who ask together. Twice that may come at once. One
// who asks has half of it.
const (
	infoPerSecond      = 10 // reads the driver's controls, and is the longest answer
	configurePerSecond = 10
	actsPerSecond      = 50 // wake and keyframe: their answers are short
	refusalsPerSecond  = 20
	discoverPerSecond  = 10 // $SRV.PING, .INFO and .STATS
)

// maxRequesters bounds how many who ask are told apart.
const maxRequesters = 64

// excessAgain is how often it is said that more is asked than answered.
const excessAgain = time.Minute

// retryHeader says after how many seconds to ask again.
const retryHeader = "Retry-After"

// limits are all that bound what a camera's audience costs its agent.
type limits struct {
	info, acts, configure, refusals, discovery quota
	bytes                                      bytesBudget
}

func newLimits() limits {
	return limits{
		info: newQuota(infoPerSecond), acts: newQuota(actsPerSecond), configure: newQuota(configurePerSecond),
		refusals: newQuota(refusalsPerSecond), discovery: newQuota(discoverPerSecond),
		bytes: bytesBudget{each: make(map[string]*debt)},
	}
}

// quota limits how often something is done for all who ask together, and for each of them to half of that: one who
// floods leaves the rest to others. They are told apart by their inboxes, in which they can lie; what all get
// together they cannot change.
type quota struct {
	err       error // of those who are over it
	perSecond int

	mu   *sync.Mutex
	all  *rate.Limiter            // guarded by mu
	each map[string]*rate.Limiter // guarded by mu
}

func newQuota(perSecond int) quota {
	return quota{
		err:       fmt.Errorf("this camera is asked too often: at most %d a second are answered", perSecond),
		perSecond: perSecond, mu: new(sync.Mutex), all: newLimiter(perSecond), each: make(map[string]*rate.Limiter),
	}
}

func newLimiter(perSecond int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), 2*perSecond)
}

// take reports whether one more may be done now for a requester, or else how long to wait.
func (q *quota) take(requester string, now time.Time) (ok bool, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	own := q.ofLocked(requester, now)
	for _, l := range []*rate.Limiter{own, q.all} {
		if missing := 1 - l.TokensAt(now); missing > 0 {
			return false, time.Duration(missing / float64(l.Limit()) * float64(time.Second))
		}
	}
	own.AllowN(now, 1)
	q.all.AllowN(now, 1)
	return true, 0
}

// ofLocked returns the limiter of one who asks. Those that are too many share one.
func (q *quota) ofLocked(requester string, now time.Time) *rate.Limiter {
	if q.each[requester] == nil && len(q.each) >= maxRequesters {
		maps.DeleteFunc(q.each, func(_ string, l *rate.Limiter) bool { return l.TokensAt(now) >= float64(l.Burst()) })
		if len(q.each) >= maxRequesters {
			requester = ""
		}
	}
	if q.each[requester] == nil {
		q.each[requester] = newLimiter(max(q.perSecond/2, 1))
	}
	return q.each[requester]
}

// requester returns what tells those who ask apart: the inbox without what differs from question to question.
func requester(reply string) string {
	first, rest, _ := strings.Cut(reply, ".")
	if first != "_INBOX" { // an inbox of a credential, which is named after its key
		return first
	}
	second, _, _ := strings.Cut(rest, ".")
	return second
}

// excess counts what is asked beyond the limits, and logs it once a minute.
type excess struct {
	mu   sync.Mutex
	said time.Time // guarded by mu
	n    uint64    // guarded by mu
}

func (e *excess) note(log *slog.Logger, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n++
	if now.Sub(e.said) >= excessAgain {
		log.Warn("more is asked of this camera than it answers: look which consumer asks so often", "refused", e.n)
		e.said, e.n = now, 0
	}
}
