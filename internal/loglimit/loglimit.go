// Package loglimit bounds repeated log lines. Clients can neither fill the log nor hide other events in it.
// Text that clients choose is made safe by package printable.
package loglimit

import (
	"container/list"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// reportInterval is how often the number of suppressed lines is logged.
const reportInterval = time.Minute

// maxReported bounds how many keys get their own line in a report. The others share one.
const maxReported = 4

// Config bounds lines. Keys must not hold text chosen by unauthenticated clients, who could make any number of keys.
// Use addresses.
type Config struct {
	Keys          int           // how many are remembered; the least recently used one is forgotten
	Burst         int           // lines that a key may log at once
	Interval      time.Duration // after which a key may log one more
	TotalBurst    int           // lines of all keys at once; 0: any number
	TotalInterval time.Duration // after which one more is allowed

	// For Report.
	Log  *slog.Logger // nil: nothing is reported
	Text string       // such as "refusals were not logged"
	Key  string       // attribute under which the key is logged, such as address
}

// Refusals returns the bounds for lines about unauthenticated clients, keyed by address.
// An address may cause 5 lines at once and one a minute, all addresses 120 at once and 4 a minute.
// Reports about suppressed lines take 5 lines a minute. That is at most 13,000 lines a day.
func Refusals(log *slog.Logger, text string) Config {
	return Config{
		Keys: 1024, Burst: 5, Interval: time.Minute, TotalBurst: 120, TotalInterval: 15 * time.Second,
		Log: log, Text: text, Key: "address",
	}
}

// Notices returns the bounds for lines of which each kind is logged once a minute.
// Each line carries the number of suppressed ones.
func Notices() Config { return Config{Keys: 1024, Burst: 1, Interval: time.Minute} }

// Limiter decides which lines are logged. It may be used by many goroutines.
type Limiter struct {
	cfg Config

	mu    sync.Mutex
	keys  map[string]*list.Element // of *entry; guarded by mu
	order *list.List               // most recently used first; guarded by mu
	total bucket                   // guarded by mu
	lost  int                      // suppressed lines of forgotten keys; guarded by mu
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

// Allow reports whether a line about key may be logged now.
// If so, suppressed is the number of suppressed lines since the last one that no report has counted.
func (l *Limiter) Allow(key string, now time.Time) (ok bool, suppressed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entryLocked(key)
	if !e.bucket.take(l.cfg.Burst, l.cfg.Interval, now) ||
		l.cfg.TotalBurst > 0 && !l.total.take(l.cfg.TotalBurst, l.cfg.TotalInterval, now) {
		e.suppressed++
		return false, 0
	}
	suppressed, e.suppressed = e.suppressed, 0
	return true, suppressed
}

// Suppressed returns the number of suppressed lines about key, for a last line, and starts counting again.
func (l *Limiter) Suppressed(key string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entryLocked(key)
	n := e.suppressed
	e.suppressed = 0
	return n
}

func (l *Limiter) entryLocked(key string) *entry {
	if at := l.keys[key]; at != nil {
		l.order.MoveToFront(at)
		return at.Value.(*entry) //nolint:forcetypeassert // nothing else is in the list
	}
	if len(l.keys) >= l.cfg.Keys {
		oldest := l.order.Remove(l.order.Back()).(*entry) //nolint:forcetypeassert // nothing else is in the list
		delete(l.keys, oldest.key)
		l.lost += oldest.suppressed
	}
	e := &entry{key: key}
	l.keys[key] = l.order.PushFront(e)
	return e
}

// suppressed returns the numbers of lines suppressed since the last call, the largest first.
// It also returns how many keys beyond limit share the rest.
func (l *Limiter) suppressed(limit int) (most []entry, rest, keys int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at := l.order.Front(); at != nil; at = at.Next() {
		if e := at.Value.(*entry); e.suppressed > 0 { //nolint:forcetypeassert // nothing else is in the list
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

// Report logs how many lines were suppressed since the last report.
// Each of the first few keys gets a line, all others share one.
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

// Run reports each minute until ctx ends, then once more.
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
