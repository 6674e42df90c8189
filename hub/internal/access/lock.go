package access

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lockPatience is how long a command waits for another command that edits the file.
	lockPatience = 10 * time.Second

	// lockSilence is how long it waits before it reports that.
	lockSilence = 2 * time.Second

	lockRetry = 20 * time.Millisecond

	// maxMarks bounds the text of a lock file, in bytes. The actual text is shorter.
	maxMarks = 64
)

// fileLock is a locked lock file.
type fileLock struct{ f *os.File }

func (l *fileLock) unlock() { _ = l.f.Close() }

// write replaces the text of the lock file. It does nothing for a nil lock.
func (l *fileLock) write(text string) error {
	if l == nil {
		return nil
	}
	now, err := io.ReadAll(io.NewSectionReader(l.f, 0, maxMarks))
	if err != nil {
		return err
	}
	if string(now) == text {
		return nil
	}
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err = l.f.WriteAt([]byte(text), 0)
	return err
}

// keep removes the marks from the lock file that are not in text.
func (l *fileLock) keep(text string) error {
	if l == nil {
		return nil
	}
	now, err := io.ReadAll(io.NewSectionReader(l.f, 0, maxMarks))
	if err != nil {
		return err
	}
	left := ""
	for mark := range strings.Lines(string(now)) {
		if strings.Contains(text, mark) {
			left += mark
		}
	}
	return l.write(left)
}

// openLock opens a lock file. It creates the file if it is missing.
// Root writes there for the service of another user.
// So it must be a regular file with one name, and belong to the owner of the directory.
func openLock(d dir, base string) (*os.File, error) {
	f, err := d.open(base, unix.O_RDWR|unix.O_CREAT)
	if err != nil {
		return nil, fmt.Errorf("lock file: %w: "+
			"run the command as a user with write permission there, or name another place with --credentials", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = ownFile(f, info)
	}
	if err == nil && os.Geteuid() == 0 {
		err = giveTo(f, info, d)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock file: %w", err), f.Close())
	}
	return f, nil
}

// ownFile refuses files that are not regular, or have a second name.
func ownFile(f *os.File, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.Mode().IsRegular() || ok && st.Nlink != 1 {
		return fmt.Errorf("%s is not a regular file with a single name: remove it", f.Name())
	}
	return nil
}

// giveTo gives a file to the owner of a directory.
func giveTo(f *os.File, info fs.FileInfo, d dir) error {
	owner, err := d.f.Stat()
	if err != nil {
		return err
	}
	is, ok := info.Sys().(*syscall.Stat_t)
	want, too := owner.Sys().(*syscall.Stat_t)
	if !ok || !too || is.Uid == want.Uid && is.Gid == want.Gid {
		return nil
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}

// lock waits until no other process edits the file. It calls waiting if that takes a while.
func lock(d dir, base string, waiting func(string)) (*fileLock, error) {
	f, err := openLock(d, base)
	if err != nil {
		return nil, err
	}
	begin, told := time.Now(), false
	for {
		err := flock(f)
		since := time.Since(begin)
		switch {
		case err == nil:
			return &fileLock{f}, nil
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock file %s: %w", f.Name(), err), f.Close())
		case since >= lockPatience:
			err = fmt.Errorf("nothing was changed, because %s has been locked for %v by %s: "+
				"let it end, or end it, and try again", f.Name(), lockPatience, holder(f))
			return nil, errors.Join(err, f.Close())
		case since >= lockSilence && !told:
			told = true
			waiting(fmt.Sprintf("waiting for %s, which is locked by %s", f.Name(), holder(f)))
		}
		<-time.After(lockRetry)
	}
}

// lockFile locks a file's lock file. It waits as a command does.
func lockFile(name string) (*fileLock, error) {
	d, base, err := openDir(name)
	if err != nil {
		return nil, err
	}
	defer d.close()
	return lock(d, lockName(base), func(string) {})
}

// tryLock locks a credentials file, or returns nil if another process holds the lock.
func tryLock(name string) (*fileLock, error) {
	d, base, err := openDir(name)
	if err != nil {
		return nil, err
	}
	defer d.close()
	f, err := openLock(d, lockName(base))
	if err != nil {
		return nil, err
	}
	switch err := flock(f); {
	case err == nil:
		return &fileLock{f}, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, f.Close()
	default:
		return nil, errors.Join(err, f.Close())
	}
}

func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) //nolint:gosec // a file descriptor is a small number
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// holder names the process that has locked a file, as far as the kernel reports it.
func holder(f *os.File) string {
	const unknown = "another program, perhaps another command of bramble-hub"
	info, err := f.Stat()
	if err != nil {
		return unknown
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	locks, err := os.ReadFile("/proc/locks") // exists on Linux only
	if !ok || err != nil {
		return unknown
	}
	for line := range bytes.Lines(locks) {
		// 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
		fields := strings.Fields(string(line))
		if len(fields) < 6 || fields[1] != "FLOCK" || !strings.HasSuffix(fields[5], ":"+strconv.FormatUint(st.Ino, 10)) {
			continue
		}
		pid, err := strconv.Atoi(fields[4])
		if err != nil || pid <= 0 {
			return unknown
		}
		name, err := os.ReadFile(filepath.Join("/proc", fields[4], "comm"))
		if err != nil {
			return "process " + fields[4]
		}
		return fmt.Sprintf("process %d (%q)", pid, strings.TrimSpace(string(name)))
	}
	return unknown
}
