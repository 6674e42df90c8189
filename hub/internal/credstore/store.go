package credstore

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/lockedfile"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
)

// Store holds the current Snapshot, and reads the file again when it changes.
type Store struct {
	// CheckInterval is how often Run checks the file. Open sets it to a second. It must not change while Run runs.
	CheckInterval time.Duration

	name     string
	log      *slog.Logger
	snapshot atomic.Pointer[Snapshot]

	mu        sync.Mutex
	listeners []func(*Snapshot) // guarded by mu

	// Owned by Run's goroutine.
	seen os.FileInfo        // of the file that was read last, good or bad; nil if there is none
	errs loglimit.ErrorOnce // of reading the file
}

// Open reads the credentials file, which need not exist; "" means that there will never be one.
// If there was one, and no command has emptied it, the error is ErrMissing.
func Open(name string, log *slog.Logger) (*Store, error) {
	s := &Store{CheckInterval: time.Second, name: name, log: log}
	s.snapshot.Store(newSnapshot(&File{}))
	if name == "" {
		return s, nil
	}
	d, info, err := read(name)
	if errors.Is(err, fs.ErrNotExist) {
		d, info = &File{}, nil
		err = checkLost(name)
	}
	if err != nil {
		return nil, err
	}
	s.snapshot.Store(s.marked(d))
	s.seen = info
	return s, nil
}

// Snapshot returns the credentials as they are now.
func (s *Store) Snapshot() *Snapshot { return s.snapshot.Load() }

// OnChange has f called after each change, by Run's goroutine. Snapshot returns the new one by then.
func (s *Store) OnChange(f func(*Snapshot)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, f)
}

// Run checks the file regularly until ctx ends. While it is broken or gone, the old credentials stay valid.
func (s *Store) Run(ctx context.Context) error {
	if s.name == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(s.CheckInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.reloadIfChanged()
		}
	}
}

func (s *Store) reloadIfChanged() {
	info, err := os.Stat(s.name)
	if errors.Is(err, fs.ErrNotExist) {
		if s.seen != nil && !s.Snapshot().Empty() {
			s.warnOnce("the credentials file is gone; the credentials that it held stay valid until the hub restarts",
				errors.New(s.name+" does not exist"))
		}
		s.seen = nil
		return
	}
	if err == nil && lockedfile.Same(info, s.seen) {
		return
	}
	d, info, err := read(s.name)
	if info != nil {
		s.seen = info
	}
	if err != nil {
		s.warnOnce("the credentials file cannot be used; the previous credentials stay valid until it can", err)
		return
	}
	s.errs.Seen(nil)
	s.swap(s.marked(d))
}

// marked returns the Snapshot of a file. It compares the file with the marks in its lock file, to detect a loss.
// It adds missing marks, for a file that was not written by a command.
func (s *Store) marked(d *File) *Snapshot {
	b := newSnapshot(d)
	had, err := readMarks(s.name)
	if err != nil {
		s.log.Warn("the hub cannot tell whether the credentials file has lost users", logkey.Err, err)
		return b
	}
	b.lostUsers, b.lostClients = lost(had, d)
	all := union(had, marks(d))
	if all == had {
		return b
	}
	if err := mark(s.name, all); err != nil { // of another user, or read-only like a container's secret
		s.log.Debug("the hub cannot note that there are credentials: "+
			"name their file in the setting credentials, or set require-users", logkey.Err, err)
	}
	return b
}

// warnOnce logs an error once.
func (s *Store) warnOnce(what string, err error) {
	if isNew, _ := s.errs.Seen(err); isNew {
		s.log.Error(what, logkey.Err, err)
	}
}

func (s *Store) swap(b *Snapshot) {
	old := s.snapshot.Swap(b)
	for _, line := range changes(old, b) {
		s.log.Info(line.text, line.args...)
	}
	s.mu.Lock()
	listeners := s.listeners
	s.mu.Unlock()
	for _, f := range listeners {
		f(b)
	}
}
