// Package loglimit bounds how many log lines others can cause, so that a stranger can neither fill the log nor blind
// it.
package loglimit

import (
	"container/list"
	"context"
	"log/slog"
	"slices"
	"time"

	"sync"
)

// reportInterval is how often it is told how many lines were suppressed.
const reportInterval = time.Minute

// maxReported bounds how many keys have a line of their own in a report. The others share one.
const maxReported = 4

// Config bounds lines. Keys must not hold words of strangers, who would have as many as they like: take addresses.
type Config struct {
	Keys          int           // how many are remembered; the one that was used the longest ago is forgotten
	Burst         int           // lines that a key has at once
	Interval      time.Duration // after which a key has one more
	TotalBurst    int           // lines of all keys at once; 0: any number
	TotalInterval time.Duration // after which there is one more

	// What Report says.
	Log  *slog.Logger // nil: nothing is reported
	Text string       // such as "refusals were not logged"
	Key  string       // attribute under which the key is logged, such as address
}

// Refusals returns the bounds for lines about strangers, keyed by their addresses: 5 at once from an address and one
// a minute, 120 and 4 a minute in all, and 5 lines a minute that tell what was suppressed. That is at most 13,000
// lines a day.
func Refusals(log *slog.Logger, text string) Config {
	return Config{
		Keys: 1024, Burst: 5, Interval: time.Minute, TotalBurst: 120, TotalInterval: 15 * time.Second,
		Log: log, Text: text, Key: "address",
	}
}

// Notices returns the bounds for lines of which each kind is logged once a minute, with the number of those that were
// not.
func Notices() Config { return Config{Keys: 1024, Burst: 1, Interval: time.Minute} }

// Limiter decides which lines are logged. It may be used by many goroutines.
type Limiter struct {
	cfg Config

	mu    sync.Mutex
	keys  map[string]*list.Element // of *entry; guarded by mu
	order *list.List               // the first was used last; guarded by mu
	total bucket                   // guarded by mu
	lost  int                      // suppressed lines of keys that were forgotten; guarded by mu
}

type entry struct {
	key        string
	bucket     bucket
	suppressed int
}

// bucket is a token bucket, kept as the time at which it is full again.
type bucket struct{ full time.Time }

// take takes a token if there is one.
func (b *bucket) take(burst int, interval time.Duration, now time.Time) bool {
	if b.full.Before(now) {
		b.full = now
	}
	if b.full.Sub(now) > time.Duration(burst-1)*interval {
		return false
	}
	b.full = b.full.Add(interval)
	return true
}

// New returns a Limiter.
func New(c Config) *Limiter {
	return &Limiter{cfg: c, keys: make(map[string]*list.Element), order: list.New()}
}

// Allow reports whether a line about key may be logged now. If so, suppressed is how many were not since the last
// one, as far as no report has told.
func (l *Limiter) Allow(key string, now time.Time) (ok bool, suppressed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entryLocked(key)
	if !e.bucket.take(l.cfg.Burst, l.cfg.Interval, now) || l.cfg.TotalBurst > 0 && !l.total.take(l.cfg.TotalBurst, l.cfg.TotalInterval, now) {
		e.suppressed++
		return false, 0
	}
	suppressed, e.suppressed = e.suppressed, 0
	return true, suppressed
}

func (l *Limiter) entryLocked(key string) *entry {
	if at := l.keys[key]; at != nil {
		l.order.MoveToFront(at)
		return at.Value.(*entry) //nolint:forcetypeassert // nothing else is in the list
	}
	if len(l.keys) >= l.cfg.Keys {
		oldest := l.order.Remove(l.order.Back()).(*entry) //nolint:forcetypeassert // likewise
		delete(l.keys, oldest.key)
		l.lost += oldest.suppressed
	}
	e := &entry{key: key}
	l.keys[key] = l.order.PushFront(e)
	return e
}

// suppressed returns the lines that were not logged since the last call, most first, and how many keys beyond limit
// share the rest.
func (l *Limiter) suppressed(limit int) (most []entry, rest, keys int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at := l.order.Front(); at != nil; at = at.Next() {
		if e := at.Value.(*entry); e.suppressed > 0 { //nolint:forcetypeassert // likewise
			most = append(most, *e)
			e.suppressed = 0
		}
	}
	slices.SortStableFunc(most, func(a, b entry) int { return b.suppressed - a.suppressed })
	if len(most) > limit {
		for _, e := range most[limit:] {
			rest += e.suppressed
		}
		keys, most = len(most)-limit, most[:limit]
	}
	rest, l.lost = rest+l.lost, 0
	return most, rest, keys
}

// Report logs how many lines were suppressed since the last report: by key, those of most keys in one line.
func (l *Limiter) Report() {
	if l.cfg.Log == nil {
		return
	}
	most, rest, keys := l.suppressed(maxReported)
	for _, e := range most {
		l.cfg.Log.Warn(l.cfg.Text, "audit", "suppressed", l.cfg.Key, e.key, "lines", e.suppressed)
	}
	if rest > 0 {
		l.cfg.Log.Warn(l.cfg.Text, "audit", "suppressed", "others", keys, "lines", rest)
	}
}

// Run reports each minute until ctx ends, and then once more.
func (l *Limiter) Run(ctx context.Context) error {
	tick := time.NewTicker(reportInterval)
	defer tick.Stop()
	defer l.Report()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			l.Report()
		}
	}
}
