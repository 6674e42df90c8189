package access

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrMissing says that credentials are missing that should be there. It may be cured from outside, by a mount for
// example.
var ErrMissing = errors.New("credentials are missing")

// The lock file beside the credentials file remembers what there was: a file that is lost must not open the hub. Each
// is a word of its text.
const (
	markUsers = "users" // there are users
	markPeers = "peers" // there are agents or consumers
)

// marks returns what the lock file should say beside a document.
func marks(d *Document) (text string) {
	if len(d.Users)+len(d.Mappings) > 0 {
		text += markUsers + "\n"
	}
	if len(d.Agents)+len(d.Consumers) > 0 {
		text += markPeers + "\n"
	}
	return text
}

// readMarks returns what the lock file of a credentials file says; "" if there is none.
func readMarks(name string) (string, error) {
	f, err := os.OpenFile(lockName(name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission): // root's, made by a version that gave it to nobody
		return "", nil
	case err != nil:
		return "", fmt.Errorf("lock of the credentials file: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxMarks))
	if err != nil {
		return "", fmt.Errorf("lock of the credentials file: %w", err)
	}
	return string(text), nil
}

// lost reports whether there were users, and agents or consumers, of which a document has none.
func lost(had string, d *Document) (users, peers bool) {
	has := marks(d)
	return strings.Contains(had, markUsers) && !strings.Contains(has, markUsers), strings.Contains(had, markPeers) && !strings.Contains(has, markPeers)
}

// union returns the marks of both.
func union(a, b string) (both string) {
	for _, mark := range []string{markUsers, markPeers} {
		if strings.Contains(a+b, mark) {
			both += mark + "\n"
		}
	}
	return both
}

// checkLost returns an error that is ErrMissing if there was a file, which is not there now, with anybody in it.
func checkLost(name string) error {
	had, err := readMarks(name)
	if err != nil || had == "" {
		return err
	}
	return fmt.Errorf("%w: %s had users, agents or consumers, and is not there: restore it from a copy, see that its volume is mounted, or remove %s "+
		"to begin anew without", ErrMissing, name, lockName(name))
}

// RequireFile returns an error that is ErrMissing if a credentials file that somebody named is not there.
func RequireFile(name string) error {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: --credentials names %s, which is not there: see that its volume is mounted, make it with "+
			"\"bramble-hub --credentials %s user add NAME --role admin\", or leave --credentials out", ErrMissing, name, name)
	}
	return nil
}

// mark has the lock file say what there is, unless somebody else edits the credentials file: that one does it.
func mark(name, text string) error {
	l, err := tryLock(name)
	if err != nil || l == nil {
		return err
	}
	defer l.unlock()
	return l.write(text)
}

func lockName(name string) string { return name + ".lock" }
