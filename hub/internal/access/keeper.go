package access

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
)

// lookInterval is how often the credentials file is looked at: a change counts within a second.
const lookInterval = time.Second

// Store holds the current Book, and reads the file again when it changes.
type Store struct {
	name     string
	log      *slog.Logger
	snapshot atomic.Pointer[Snapshot]
	ended    *EndedSessions

	mu        sync.Mutex
	listeners []func(*Snapshot) // guarded by mu

	// Owned by Run's goroutine.
	seen        os.FileInfo // of the file that was read last, good or bad; nil if there is none
	lastWarning string      // the trouble that was logged last
}

// OpenStore reads the credentials file, which need not exist; "" means that there will never be one.
// If there was one, and no command has emptied it, the error is ErrMissing.
func OpenStore(name string, log *slog.Logger) (*Store, error) {
	k := &Store{name: name, log: log, ended: newEndedSessions(name, log, time.Now())}
	k.snapshot.Store(newSnapshot(&File{}))
	if name == "" {
		return k, nil
	}
	d, info, err := read(name)
	if errors.Is(err, fs.ErrNotExist) {
		d, info = &File{}, nil
		err = checkLost(name)
	}
	if err != nil {
		return nil, err
	}
	k.snapshot.Store(k.marked(d))
	k.seen = info
	return k, nil
}

// Snapshot returns the credentials as they are now.
func (k *Store) Snapshot() *Snapshot { return k.snapshot.Load() }

// Ended returns the logged-out sessions. They are kept in a file beside the credentials file.
func (k *Store) Ended() *EndedSessions { return k.ended }

// OnChange has f called after each change, by Run's goroutine; Book returns the new one by then.
func (k *Store) OnChange(f func(*Snapshot)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.listeners = append(k.listeners, f)
}

// Run looks at the file once a second until ctx ends. A file that is broken or gone changes nothing: the old credentials hold on.
func (k *Store) Run(ctx context.Context) error {
	if k.name == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			k.reloadIfChanged()
			k.ended.tick(time.Now())
		}
	}
}

func (k *Store) reloadIfChanged() {
	info, err := os.Stat(k.name)
	if errors.Is(err, fs.ErrNotExist) {
		if k.seen != nil && !k.Snapshot().Empty() {
			k.warnOnce("the credentials file is gone; the credentials that it held count until the hub is started anew", errors.New(k.name+" does not exist"))
		}
		k.seen = nil
		return
	}
	if err == nil && same(info, k.seen) {
		return
	}
	d, info, err := read(k.name)
	if info != nil {
		k.seen = info
	}
	if err != nil {
		k.warnOnce("the credentials file cannot be used; the credentials of before count until it can", err)
		return
	}
	k.lastWarning = ""
	k.swap(k.marked(d))
}

// marked returns the Book of a file. It compares the file with the marks in its lock file, to detect a loss.
// It adds missing marks, for a file that was not written by a command.
func (k *Store) marked(d *File) *Snapshot {
	b := newSnapshot(d)
	had, err := readMarks(k.name)
	if err != nil {
		k.log.Warn("the hub cannot tell whether the credentials file has lost users", logkey.Err, err)
		return b
	}
	b.lostUsers, b.lostClients = lost(had, d)
	all := union(had, marks(d))
	if all == had {
		return b
	}
	if err := mark(k.name, all); err != nil { // of another user, or read-only like a container's secret
		k.log.Debug("the hub cannot note that there are credentials: "+
			"name their file with --credentials, or set require-users", logkey.Err, err)
	}
	return b
}

// same reports whether nothing has happened to a file; a change by Edit makes another file.
func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}

// warnOnce logs a trouble once.
func (k *Store) warnOnce(what string, err error) {
	if err.Error() != k.lastWarning {
		k.log.Error(what, logkey.Err, err)
	}
	k.lastWarning = err.Error()
}

func (k *Store) swap(b *Snapshot) {
	old := k.snapshot.Swap(b)
	for _, line := range changes(old, b) {
		k.log.Info(line.what, line.args...)
	}
	k.mu.Lock()
	listeners := k.listeners
	k.mu.Unlock()
	for _, f := range listeners {
		f(b)
	}
}
