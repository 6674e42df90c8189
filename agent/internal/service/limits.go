package service

import (
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How many requests, and how many bytes of them, may wait for each verb.
const (
	maxPending      = 1024
	maxPendingBytes = 128 << 10
)

// How many requests of each kind are answered in a second, for all requesters together. Twice as many may come at once.
// Each requester gets half of it.
const (
	infoPerSecond      = 10 // reads the driver's controls, and is the longest answer
	configurePerSecond = 10
	actsPerSecond      = 50 // wake and keyframe: their answers are short
	refusalsPerSecond  = 20
	discoverPerSecond  = 10 // $SRV.PING, .INFO and .STATS
)

// maxRequesters is how many requesters are counted separately.
const maxRequesters = 64

// logInterval is how often refused requests are logged.
const logInterval = time.Minute

// retryHeader is the header with the seconds until a retry.
const retryHeader = "Retry-After"

// limits are all limits of what consumers and viewers cost a camera's agent.
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

// quota limits how often something is done for all requesters together, and for each of them to half of that. So one
// that floods leaves the rest to others. They are told apart by their inboxes. They can invent these, but not raise the
// limit of all.
type quota struct {
	err       error // the answer to requests beyond the quota
	perSecond int

	mu   *sync.Mutex
	all  *rate.Limiter            // guarded by mu
	each map[string]*rate.Limiter // guarded by mu
}

func newQuota(perSecond int) quota {
	return quota{
		err:       fmt.Errorf("too many requests to this camera: it answers at most %d a second", perSecond),
		perSecond: perSecond, mu: new(sync.Mutex), all: newLimiter(perSecond), each: make(map[string]*rate.Limiter),
	}
}

func newLimiter(perSecond int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), 2*perSecond)
}

// allow reports whether one more may be done now for a requester, or else how long to wait.
func (q *quota) allow(requester string, now time.Time) (ok bool, wait time.Duration) {
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

// ofLocked returns the limiter of one requester. Requesters beyond maxRequesters share one.
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

// requester identifies a requester: the inbox without the part that differs between its requests.
func requester(reply string) string {
	first, rest, _ := strings.Cut(reply, ".")
	if first != "_INBOX" { // an inbox of a credential, which is named after its key
		return first
	}
	second, _, _ := strings.Cut(rest, ".")
	return second
}

// refusalLog counts the requests beyond the limits, and logs the number once a minute.
type refusalLog struct {
	mu   sync.Mutex
	said time.Time // guarded by mu
	n    uint64    // guarded by mu
}

func (e *refusalLog) count(log *slog.Logger, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n++
	if now.Sub(e.said) >= logInterval {
		log.Warn("requests refused: a consumer or hub sends more than this camera answers; "+
			"find the one that sends so many", "refused", e.n)
		e.said, e.n = now, 0
	}
}
