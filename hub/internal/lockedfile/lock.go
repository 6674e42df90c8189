package lockedfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/internal/setting"
)

const (
	// patience is how long a command waits for another command that edits the file.
	patience = 10 * time.Second

	// silence is how long it waits before it reports that.
	silence = 2 * time.Second

	retryInterval = 20 * time.Millisecond

	// maxText bounds the text of a lock file, in bytes. The actual text is shorter.
	maxText = 64
)

// Lock is a locked lock file. It may hold a short text.
type Lock struct{ f *os.File }

// Unlock unlocks the lock file.
func (l *Lock) Unlock() { _ = l.f.Close() }

// SetText replaces the text of the lock file.
func (l *Lock) SetText(text string) error {
	now, err := l.Text()
	if err != nil || now == text {
		return err
	}
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err = l.f.WriteAt([]byte(text), 0)
	return err
}

// Text returns the text of the lock file.
func (l *Lock) Text() (string, error) {
	text, err := io.ReadAll(io.NewSectionReader(l.f, 0, maxText))
	return string(text), err
}

// openLock opens a lock file. It creates the file if it is missing.
// Root writes there for the service of another user.
// So it must be a regular file with one name, and belong to the owner of the directory.
func openLock(d Dir, base string) (*os.File, error) {
	f, err := d.Open(base, unix.O_RDWR|unix.O_CREAT)
	if err != nil {
		return nil, setting.Errorf("lock file: %w: "+
			"run the command as a user with write permission there, or name another place with {credentials}", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = requireSingle(f, info)
	}
	if err == nil && os.Geteuid() == 0 {
		err = giveTo(f, info, d)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock file: %w", err), f.Close())
	}
	return f, nil
}

// Lock locks a file of the directory by its lock file. It waits for other processes, and calls waiting if that takes a
// while. waiting may be nil.
func (d Dir) Lock(base string, waiting func(text string)) (*Lock, error) {
	f, err := openLock(d, LockName(base))
	if err != nil {
		return nil, err
	}
	begin, reported := time.Now(), waiting == nil
	for {
		err := flock(f)
		since := time.Since(begin)
		switch {
		case err == nil:
			return &Lock{f}, nil
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock file %s: %w", f.Name(), err), f.Close())
		case since >= patience:
			err = fmt.Errorf("nothing was changed, because %s has been locked for %v by %s: "+
				"let it end, or end it, and try again", f.Name(), patience, holder(f))
			return nil, errors.Join(err, f.Close())
		case since >= silence && !reported:
			reported = true
			waiting(fmt.Sprintf("waiting for %s, which is locked by %s", f.Name(), holder(f)))
		}
		<-time.After(retryInterval)
	}
}

// LockName returns the name of a file's lock file.
func LockName(name string) string { return name + ".lock" }

// LockFile locks a file by its name, like Dir.Lock.
func LockFile(name string) (*Lock, error) {
	d, base, err := OpenDir(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Lock(base, nil)
}

// TryLockFile locks a file by its name, or returns nil if another process holds the lock.
func TryLockFile(name string) (*Lock, error) {
	d, base, err := OpenDir(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	f, err := openLock(d, LockName(base))
	if err != nil {
		return nil, err
	}
	switch err := flock(f); {
	case err == nil:
		return &Lock{f}, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, f.Close()
	default:
		return nil, errors.Join(err, f.Close())
	}
}

// ReadLockText returns the text in a file's lock file, without a lock. It returns "" if there is no lock file, or if
// this user may not read it.
func ReadLockText(name string) (string, error) {
	f, err := os.OpenFile(LockName(name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) { // an older version left it to root
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxText))
	return string(text), err
}

func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
