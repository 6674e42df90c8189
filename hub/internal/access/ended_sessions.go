package access

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/shared/logkey"
)

const (
	// pruneInterval is how often ended sessions are dropped that would have expired by now.
	pruneInterval = time.Hour

	// retryInterval is how often it is tried again to write the file after that has failed.
	retryInterval = time.Minute

	// maxEndedNews bounds the log-outs that wait to be told to other hubs. They ask for what they miss.
	maxEndedNews = 1024
)

// EndedSessions remembers which sessions have ended by a logout, across restarts, until they would have expired.
type EndedSessions struct {
	log  *slog.Logger
	told chan struct{} // holds a token when there is news

	mu      sync.Mutex
	set     *endedSet      // guarded by mu
	pending []EndedSession // not in the file yet; guarded by mu
	news    []EndedSession // not told to other hubs yet; guarded by mu

	// fileMu is held while the file is read or written; it is locked before mu.
	fileMu sync.Mutex
	file   *endedFile // nil: there is none; guarded by fileMu
	failed string     // the trouble that was logged last; guarded by fileMu

	// Owned by the goroutine that calls tick.
	pruned, tried time.Time
}

// newEndedSessions reads the file that belongs to a credentials file; it writes nothing.
// If the file is damaged, or cannot be read, all sessions of before end: a session that was ended must not return.
func newEndedSessions(credentials string, log *slog.Logger, now time.Time) *EndedSessions {
	s := &EndedSessions{log: log, told: make(chan struct{}, 1), set: newEndedSet(), pruned: now, tried: now}
	name := endedFileOf(credentials)
	if name == "" {
		return s
	}
	s.file = &endedFile{name: name}
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	s.readLocked(now)
	return s
}

// readLocked takes in what another process has written, or this one before it was started. fileMu must be held.
func (s *EndedSessions) readLocked(now time.Time) {
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
		since = damage.since // this host's clock was set back, or starts in the past
	}
	s.set.add(EndedSession{Login: since.Unix() + 1}) // logins know seconds
	s.log.Error("log-outs of before may be lost: all sessions have ended, and users must log in again",
		"audit", "sessions.end", logkey.Err, err)
}

// has reports whether a session has ended.
func (s *EndedSessions) has(e EndedSession) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set.has(e.User, e.ID, e.Login)
}

// end ends a session. When it returns the file holds that, unless it cannot be written.
func (s *EndedSessions) end(e EndedSession) {
	s.mu.Lock()
	if s.set.add(e) {
		s.pending = append(s.pending, e)
		if len(s.news) < maxEndedNews {
			s.news = append(s.news, e)
		}
		select {
		case s.told <- struct{}{}:
		default:
		}
	}
	s.mu.Unlock()
	s.commit(time.Now())
}

// Merge takes in what another hub has told, and returns how much of it was news.
func (s *EndedSessions) Merge(list []EndedSession, now time.Time) (fresh int, err error) {
	for _, e := range list {
		if err := e.Validate(); err != nil {
			return 0, err
		}
		if e.User == "" {
			return 0, errors.New("an ended session of another hub has a user")
		}
	}
	s.mu.Lock()
	for _, e := range list {
		if e.ID != "" && time.Unix(e.Login, 0).Add(sessionMax).Before(now) {
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

// Told has a token when there are log-outs for TakeNews.
func (s *EndedSessions) Told() <-chan struct{} { return s.told }

// TakeNews returns the log-outs at this hub since it was called last.
func (s *EndedSessions) TakeNews() []EndedSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.news
	s.news = nil
	return news
}

// Digests tell by their difference which buckets of two hubs differ.
func (s *EndedSessions) Digests() [EndedBuckets]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set.digests()
}

// List returns all ended sessions of the wanted buckets, for other hubs.
// What ends the sessions of all users is each hub's own: it has pruned them, or its file was damaged.
func (s *EndedSessions) List(wanted func(bucket int) bool) []EndedSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(s.set.list(wanted), func(e EndedSession) bool { return e.User == "" })
}

// commit has everything in the file that ended before it was called.
// Those who call it meanwhile are served by the next one together.
func (s *EndedSessions) commit(now time.Time) {
	s.fileMu.Lock()
	defer s.fileMu.Unlock()
	s.mu.Lock()
	batch := s.pending
	s.pending = nil
	s.mu.Unlock()
	if s.file == nil || len(batch) == 0 && !s.file.anew {
		return
	}
	s.saidLocked(s.saveLocked(batch, now))
}

// saveLocked writes a batch. fileMu must be held.
func (s *EndedSessions) saveLocked(batch []EndedSession, now time.Time) error {
	l, err := lockFile(s.file.name)
	if err != nil {
		s.file.anew = true
		return err
	}
	defer l.unlock()
	s.readLocked(now)
	s.mu.Lock()
	count := s.set.count
	s.mu.Unlock()
	if err := s.file.write(batch, count, s.all); err != nil {
		s.file.anew = true // so that the next attempt writes this batch, too
		return err
	}
	return nil
}

func (s *EndedSessions) all() []EndedSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set.list(func(int) bool { return true })
}

// saidLocked logs once that the file cannot be written, and once that it can again. fileMu must be held.
func (s *EndedSessions) saidLocked(err error) {
	switch {
	case err == nil && s.failed != "":
		s.failed = ""
		s.log.Info("log-outs are written to the file again, and survive a restart", "file", s.file.name)
	case err != nil && s.failed != err.Error():
		s.failed = err.Error()
		s.log.Error("log-outs cannot be written to their file: they are forgotten when the hub is started anew",
			logkey.Err, err, "file", s.file.name, "remedy", "let the hub's user write in that directory")
	}
}

// tick is called about once a second, by one goroutine.
func (s *EndedSessions) tick(now time.Time) {
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
	s.readLocked(now) // of another hub with the same file
	if s.file.anew && now.Sub(s.tried) >= retryInterval {
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
