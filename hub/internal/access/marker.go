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

// ErrMissing says that expected credentials are missing. A mount, for example, can bring them back later.
var ErrMissing = errors.New("credentials are missing")

// Marks are words in the lock file beside the credentials file. They remember what the credentials file held.
// The loss of that file must not open the hub.
const (
	markUsers = "users" // there are users
	markPeers = "peers" // there are agents or consumers
)

// marks returns the marks for a document.
func marks(d *File) (text string) {
	if len(d.Users)+len(d.Mappings) > 0 {
		text += markUsers + "\n"
	}
	if len(d.Agents)+len(d.Consumers) > 0 {
		text += markPeers + "\n"
	}
	return text
}

// readMarks returns the marks in the lock file of a credentials file; "" if there is no lock file.
func readMarks(name string) (string, error) {
	f, err := os.OpenFile(lockName(name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission): // an older version left it to root
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

// lost reports whether a document lacks all users, or all agents and consumers, that there were.
func lost(had string, d *File) (users, peers bool) {
	has := marks(d)
	return strings.Contains(had, markUsers) && !strings.Contains(has, markUsers),
		strings.Contains(had, markPeers) && !strings.Contains(has, markPeers)
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

// checkLost returns an ErrMissing error if there was a file with users, agents or consumers. Call it if there is none.
func checkLost(name string) error {
	had, err := readMarks(name)
	if err != nil || had == "" {
		return err
	}
	return fmt.Errorf("%w: %s had users, agents or consumers, and is not there: "+
		"restore it from a copy, check that its volume is mounted, or remove %s to start without credentials",
		ErrMissing, name, lockName(name))
}

// RequireFile returns an ErrMissing error if the credentials file that the operator named does not exist.
func RequireFile(name string) error {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: --credentials names %s, which is not there: check that its volume is mounted, make it with "+
			"\"bramble-hub --credentials %s user add NAME --role admin\", or leave --credentials out", ErrMissing, name, name)
	}
	return nil
}

// mark writes marks into the lock file. If another process edits the credentials file, that one writes them.
func mark(name, text string) error {
	l, err := tryLock(name)
	if err != nil || l == nil {
		return err
	}
	defer l.unlock()
	return l.write(text)
}

func lockName(name string) string { return name + ".lock" }
