// Package endedsessions remembers logged-out sessions across restarts, in bounded memory. It merges those of other
// hubs. A logged-out session must not become valid again. How sessions are encoded belongs to package session.
package endedsessions

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/lockedfile"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
)

const (
	// checkInterval is how often the file is checked for changes by another process.
	checkInterval = time.Second

	// pruneInterval is how often ended sessions that would have expired by now are dropped.
	pruneInterval = time.Hour

	// retryInterval is the time between attempts to write the file after a failure.
	retryInterval = time.Minute

	// maxNews bounds the log-outs that wait to be sent to other hubs. Other hubs ask for what they miss.
	maxNews = 1024
)

// Store remembers logged-out sessions across restarts, until they would have expired.
type Store struct {
	log      *slog.Logger
	announce chan struct{} // holds a token when there is news

	mu      sync.Mutex
	set     *set    // guarded by mu
	pending []Entry // not in the file yet; guarded by mu
	news    []Entry // not sent to other hubs yet; guarded by mu

	// fileMu is held while the file is read or written; it is locked before mu.
	fileMu sync.Mutex
	file   *file              // nil: there is none; guarded by fileMu
	errs   loglimit.ErrorOnce // of writing the file; guarded by fileMu

	// Owned by Run's goroutine.
	pruned, tried time.Time
}

// Open reads the file of ended sessions that belongs to a credentials file. It writes nothing.
// If the file is damaged or unreadable, all earlier sessions end: an ended session must not return.
func Open(credentials string, log *slog.Logger) *Store { return open(credentials, log, time.Now()) }

func open(credentials string, log *slog.Logger, now time.Time) *Store {
	s := &Store{log: log, announce: make(chan struct{}, 1), set: newSet(), pruned: now, tried: now}
	name := FileFor(credentials)
	if name == "" {
		return s
	}
	s.file = &file{name: name}
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	s.readLocked(now)
	return s
}

// readLocked adds what the file holds from another process or an earlier run. fileMu must be held.
func (s *Store) readLocked(now time.Time) {
	list, err := s.file.read()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range list {
		s.set.add(e)
	}
	if err == nil {
		return
	}
	since := now
	if damage := new(damageError); errors.As(err, &damage) && damage.since.After(since) {
		since = damage.since // this host's clock was set back, or started in the past
	}
	s.set.add(Entry{Login: since.Unix() + 1}) // login times have whole seconds
	s.log.Error("earlier log-outs may be lost: all sessions were ended, and users must log in again",
		"audit", "sessions.end", logkey.Err, err)
}

// Contains reports whether a session has ended.
func (s *Store) Contains(e Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set.contains(e.User, e.ID, e.Login)
}

// End ends a session. When it returns, the file holds the log-out, unless the file cannot be written.
func (s *Store) End(e Entry) {
	s.mu.Lock()
	if s.set.add(e) {
		s.pending = append(s.pending, e)
		if len(s.news) < maxNews {
			s.news = append(s.news, e)
		}
		select {
		case s.announce <- struct{}{}:
		default:
		}
	}
	s.mu.Unlock()
	s.commit(time.Now())
}

// Merge adds ended sessions from another hub and returns how many were unknown.
func (s *Store) Merge(list []Entry, now time.Time) (fresh int, err error) {
	for _, e := range list {
		if err := e.Validate(); err != nil {
			return 0, err
		}
		if e.User == "" {
			return 0, errors.New("an ended session from another hub must name a user")
		}
	}
	s.mu.Lock()
	for _, e := range list {
		if e.ID != "" && time.Unix(e.Login, 0).Add(session.MaxLife).Before(now) {
			continue // expired
		}
		if s.set.add(e) {
			s.pending = append(s.pending, e)
			fresh++
		}
	}
	s.mu.Unlock()
	if fresh > 0 {
		s.commit(now)
	}
	return fresh, nil
}

// News returns a channel that holds a token while there are log-outs for TakeNews.
func (s *Store) News() <-chan struct{} { return s.announce }

// TakeNews returns the log-outs at this hub since its last call.
func (s *Store) TakeNews() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.news
	s.news = nil
	return news
}

// Digests returns a digest of each bucket, to find the buckets in which two hubs differ.
func (s *Store) Digests() [Buckets]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set.digests()
}

// List returns all ended sessions of the wanted buckets, for other hubs.
// The floor of all users is not included. It is local to each hub and comes from pruning or a damaged file.
func (s *Store) List(wanted func(bucket int) bool) []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(s.set.list(wanted), func(e Entry) bool { return e.User == "" })
}

// commit ensures that the file holds every session that ended before the call.
// Concurrent calls share the next write.
func (s *Store) commit(now time.Time) {
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	s.mu.Lock()
	batch := s.pending
	s.pending = nil
	s.mu.Unlock()
	if s.file == nil || len(batch) == 0 && !s.file.stale {
		return
	}
	s.logLocked(s.saveLocked(batch, now))
}

// saveLocked writes a batch. fileMu must be held.
func (s *Store) saveLocked(batch []Entry, now time.Time) error {
	l, err := lockedfile.LockFile(s.file.name)
	if err != nil {
		s.file.stale = true
		return err
	}
	defer l.Unlock()
	s.readLocked(now)
	s.mu.Lock()
	count := s.set.count
	s.mu.Unlock()
	if err := s.file.write(batch, count, s.all); err != nil {
		s.file.stale = true // so that the next attempt writes this batch, too
		return err
	}
	return nil
}

func (s *Store) all() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set.list(func(int) bool { return true })
}

// logLocked logs once that the file cannot be written, and once that writing works again. fileMu must be held.
func (s *Store) logLocked(err error) {
	isNew, recovered := s.errs.Seen(err)
	switch {
	case recovered:
		s.log.Info("log-outs are written to their file again and survive a restart", "file", s.file.name)
	case isNew:
		s.log.Error("log-outs cannot be written to their file: a restart of the hub would forget them",
			logkey.Err, err, "file", s.file.name, "remedy", "give the hub's user write permission in that directory")
	}
}

// Run reads what other hubs on this host have written, prunes, and retries failed writes, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.tick(time.Now())
		}
	}
}

// tick does what is due.
func (s *Store) tick(now time.Time) {
	if now.Sub(s.pruned) >= pruneInterval {
		s.pruned = now
		s.mu.Lock()
		s.set.prune(now)
		s.mu.Unlock()
	}
	s.fileMu.Lock()
	if s.file == nil {
		s.fileMu.Unlock()
		return
	}
	again := false
	s.readLocked(now) // another hub may share the file
	if s.file.stale && now.Sub(s.tried) >= retryInterval {
		s.tried = now
		s.mu.Lock()
		again = s.set.count > 0 || s.set.floor > 0
		s.mu.Unlock()
	}
	s.fileMu.Unlock()
	if again {
		s.commit(now)
	}
}
