package credstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/lockedfile"
)

// ErrMissing says that expected credentials are missing. A mount, for example, can bring them back later.
var ErrMissing = errors.New("credentials are missing")

// Marks are words in the lock file beside the credentials file. They remember what the credentials file held.
// The loss of that file must not open the hub.
const (
	markUsers   = "users" // there are users
	markClients = "peers" // there are agents or consumers
)

// marks returns the marks for a file.
func marks(f *File) (text string) {
	if len(f.Users)+len(f.Mappings) > 0 {
		text += markUsers + "\n"
	}
	if len(f.Agents)+len(f.Consumers) > 0 {
		text += markClients + "\n"
	}
	return text
}

// readMarks returns the marks in the lock file of a credentials file; "" if there is no lock file.
func readMarks(name string) (string, error) {
	text, err := lockedfile.ReadLockText(name)
	if err != nil {
		return "", fmt.Errorf("lock of the credentials file: %w", err)
	}
	return text, nil
}

// keepMarks removes the marks from a lock file that are not in text.
func keepMarks(l *lockedfile.Lock, text string) error {
	now, err := l.Text()
	if err != nil {
		return err
	}
	left := ""
	for mark := range strings.Lines(now) {
		if strings.Contains(text, mark) {
			left += mark
		}
	}
	return l.SetText(left)
}

// lost reports whether a file lacks all users, or all agents and consumers, that there were.
func lost(had string, f *File) (users, clients bool) {
	has := marks(f)
	return strings.Contains(had, markUsers) && !strings.Contains(has, markUsers),
		strings.Contains(had, markClients) && !strings.Contains(has, markClients)
}

// union returns the marks of both.
func union(a, b string) (both string) {
	for _, mark := range []string{markUsers, markClients} {
		if strings.Contains(a+b, mark) {
			both += mark + "\n"
		}
	}
	return both
}

// checkLost returns an ErrMissing error if there was a file with users, agents or consumers. Call it if there is none.
func checkLost(name string) error {
	had, err := readMarks(name)
	if err != nil || had == "" {
		return err
	}
	return fmt.Errorf("%w: %s had users, agents or consumers, and is not there: "+
		"restore it from a copy, check that its volume is mounted, or remove %s to start without credentials",
		ErrMissing, name, lockedfile.LockName(name))
}

// mark writes marks into the lock file. If another process edits the credentials file, that one writes them.
func mark(name, text string) error {
	l, err := lockedfile.TryLockFile(name)
	if err != nil || l == nil {
		return err
	}
	defer l.Unlock()
	return l.SetText(text)
}
