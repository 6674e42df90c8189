package access

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
)

const (
	// pruneInterval is how often ended sessions that would have expired by now are dropped.
	pruneInterval = time.Hour

	// retryInterval is the time between attempts to write the file after a failure.
	retryInterval = time.Minute

	// maxEndedNews bounds the log-outs that wait to be sent to other hubs. Other hubs ask for what they miss.
	maxEndedNews = 1024
)

// EndedSessions remembers logged-out sessions across restarts, until they would have expired.
type EndedSessions struct {
	log  *slog.Logger
	told chan struct{} // holds a token when there is news

	mu      sync.Mutex
	set     *endedSet      // guarded by mu
	pending []EndedSession // not in the file yet; guarded by mu
	news    []EndedSession // not sent to other hubs yet; guarded by mu

	// fileMu is held while the file is read or written; it is locked before mu.
	fileMu sync.Mutex
	file   *endedFile // nil: there is none; guarded by fileMu
	failed string     // the last logged error; guarded by fileMu

	// Owned by the goroutine that calls tick.
	pruned, tried time.Time
}

// newEndedSessions reads the file for a credentials file. It writes nothing.
// If the file is damaged or unreadable, all earlier sessions end: an ended session must not return.
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

// readLocked adds what the file holds from another process or an earlier run. fileMu must be held.
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
		since = damage.since // this host's clock was set back, or started in the past
	}
	s.set.add(EndedSession{Login: since.Unix() + 1}) // login times have whole seconds
	s.log.Error("earlier log-outs may be lost: all sessions were ended, and users must log in again",
		"audit", "sessions.end", logkey.Err, err)
}

// has reports whether a session has ended.
func (s *EndedSessions) has(e EndedSession) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set.has(e.User, e.ID, e.Login)
}

// end ends a session. When it returns, the file holds the log-out, unless the file cannot be written.
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

// Merge adds ended sessions from another hub and returns how many were unknown.
func (s *EndedSessions) Merge(list []EndedSession, now time.Time) (fresh int, err error) {
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

// Told returns a channel that holds a token while there are log-outs for TakeNews.
func (s *EndedSessions) Told() <-chan struct{} { return s.told }

// TakeNews returns the log-outs at this hub since its last call.
func (s *EndedSessions) TakeNews() []EndedSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.news
	s.news = nil
	return news
}

// Digests returns a digest of each bucket, to find the buckets in which two hubs differ.
func (s *EndedSessions) Digests() [EndedBuckets]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set.digests()
}

// List returns all ended sessions of the wanted buckets, for other hubs.
// The floor of all users is not included. It is local to each hub and comes from pruning or a damaged file.
func (s *EndedSessions) List(wanted func(bucket int) bool) []EndedSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(s.set.list(wanted), func(e EndedSession) bool { return e.User == "" })
}

// commit ensures that the file holds every session that ended before the call.
// Concurrent calls share the next write.
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

// saidLocked logs once that the file cannot be written, and once that writing works again. fileMu must be held.
func (s *EndedSessions) saidLocked(err error) {
	switch {
	case err == nil && s.failed != "":
		s.failed = ""
		s.log.Info("log-outs are written to their file again and survive a restart", "file", s.file.name)
	case err != nil && s.failed != err.Error():
		s.failed = err.Error()
		s.log.Error("log-outs cannot be written to their file: a restart of the hub would forget them",
			logkey.Err, err, "file", s.file.name, "remedy", "give the hub's user write permission in that directory")
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
	s.readLocked(now) // another hub may share the file
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
