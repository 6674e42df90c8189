package access

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// fileName is the name of the credentials file in the directory for state.
const fileName = "credentials.json"

// DefaultFile returns where the credentials are if nothing else is said: in systemd's state directory of the service, for root in that of the system,
// else in the user's own.
func DefaultFile() (string, error) {
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); dir != "" {
		return filepath.Join(dir, fileName), nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib/bramble/" + fileName, nil
	}
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) { // as the XDG specification wants it
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no place for the credentials file: %w: name it with --credentials", err)
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "bramble", fileName), nil
}

// read returns the file's content and what tells it from a later one. No file is fs.ErrNotExist.
func read(name string) (*File, os.FileInfo, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // a named pipe must not hold anybody up
	if err != nil {
		return nil, nil, fmt.Errorf("credentials file: %w", err)
	}
	return readFrom(f)
}

// readFrom is read for an open file, which it closes.
func readFrom(f *os.File) (*File, os.FileInfo, error) {
	defer func() { _ = f.Close() }() // it was only read
	name := f.Name()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("credentials file: %w", err)
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, info, fmt.Errorf("credentials file %s is no file: name another one with --credentials", name)
	case info.Mode().Perm()&0o077 != 0:
		return nil, info, fmt.Errorf("credentials file %s can be read by others than its owner (mode %04o): chmod 600 %s, and consider the passwords in it as known", name, info.Mode().Perm(), name)
	case info.Size() > maxFile:
		return nil, info, fmt.Errorf("credentials file %s has %d bytes, more than the %d that are allowed: remove users or tokens that nobody needs", name, info.Size(), maxFile)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, info, fmt.Errorf("credentials file: %w", err)
	}
	d, err := parse(data)
	if err != nil {
		return nil, info, fmt.Errorf("credentials file %s: %w: restore it from a copy, or move it away and begin anew with \"bramble-hub user add\"", name, err)
	}
	return d, info, nil
}

// Edit changes the credentials file, which it makes if there is none. Nobody else changes it meanwhile, and whoever reads it, even after a crash at any
// moment, finds the old content or the new. An error of change leaves it as it is.
func Edit(name string, change func(*File) error) error {
	return Editor{}.Edit(name, change)
}

// Editor changes a credentials file.
type Editor struct {
	Waiting func(text string) // called once if another process holds the lock for a while; may be nil

	step func(name string) // called before each step of writing, for tests
}

// Edit is the function Edit.
func (e Editor) Edit(name string, change func(*File) error) error {
	if e.Waiting == nil {
		e.Waiting = func(string) {}
	}
	if e.step == nil {
		e.step = func(string) {}
	}
	d, base, err := openDir(name)
	if err != nil {
		return fmt.Errorf("credentials file: %w: name another place with --credentials", err)
	}
	defer d.close()
	l, err := lock(d, lockName(base), e.Waiting)
	if err != nil {
		return err
	}
	defer l.unlock()
	return e.edit(d, base, l, change)
}

// edit changes a locked file.
func (e Editor) edit(d dir, base string, l *fileLock, change func(*File) error) error {
	doc, old, err := readIn(d, base)
	if err != nil {
		return err
	}
	changed, err := doc.Apply(change)
	if err != nil {
		return err
	}
	if !changed && old != nil {
		return d.remove(base + ".new")
	}
	return e.store(d, base, l, doc, old)
}

// readIn returns the content of a file in a directory.
// If there is no file it returns the content of a new one, without os.FileInfo.
func readIn(d dir, base string) (*File, os.FileInfo, error) {
	f, err := d.open(base, unix.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return newFile(), nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("credentials file: %w", err)
	}
	return readFrom(f)
}

// store replaces a locked file with a document.
func (e Editor) store(d dir, base string, l *fileLock, doc *File, old os.FileInfo) error {
	data, err := doc.Encode()
	if err != nil {
		return fmt.Errorf("credentials file %s: %w", filepath.Join(d.path, base), err)
	}
	if err := e.replace(d, base, l, data, marks(doc), old); err != nil {
		return fmt.Errorf("credentials file: %w", err)
	}
	return nil
}

// replaceFile replaces a file that holds no credentials. The caller holds its lock, which stays empty.
func replaceFile(name string, data []byte) error {
	d, base, err := openDir(name)
	if err != nil {
		return err
	}
	defer d.close()
	return Editor{step: func(string) {}}.replace(d, base, nil, data, "", nil)
}

func newFile() *File {
	d := &File{Version: version}
	d.RenewLinkKey()
	return d
}

// RenewLinkKey ends all signed links and all sessions.
func (d *File) RenewLinkKey() {
	d.LinkKey = make([]byte, keySize)
	_, _ = rand.Read(d.LinkKey) // never fails
}

// replace replaces the file atomically. The new file is on disk before it gets the name.
// The lock file names new entries only after that, and drops removed ones before it.
// A crash in between must not look like a loss.
func (e Editor) replace(d dir, base string, l *fileLock, data []byte, says string, old os.FileInfo) error {
	beside := base + ".new" // may remain from a crash; the lock makes it ours
	e.step("remove")
	if err := d.remove(beside); err != nil {
		return err
	}
	e.step("create")
	f, err := d.open(beside, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return err
	}
	if err := errors.Join(e.fill(f, data, d, old), f.Close()); err != nil {
		return errors.Join(err, d.remove(beside))
	}
	e.step("forget")
	if err := l.keep(says); err != nil {
		return errors.Join(err, d.remove(beside))
	}
	e.step("rename")
	if err := d.rename(beside, base); err != nil {
		return errors.Join(err, d.remove(beside))
	}
	e.step("sync directory")
	if err := d.f.Sync(); err != nil {
		return err
	}
	e.step("mark")
	err = l.write(says)
	e.step("end")
	return err
}

func (e Editor) fill(f *os.File, data []byte, d dir, old os.FileInfo) error {
	e.step("own")
	if err := keepOwner(f, d, old); err != nil {
		return err
	}
	half := len(data) / 2
	e.step("write")
	if _, err := f.Write(data[:half]); err != nil {
		return err
	}
	e.step("write more")
	if _, err := f.Write(data[half:]); err != nil {
		return err
	}
	e.step("sync")
	return f.Sync()
}

// keepOwner gives the file to the owner of the old one, or of the directory: root edits it for a service that runs as somebody else.
func keepOwner(f *os.File, d dir, old os.FileInfo) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if old == nil {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return giveTo(f, info, d)
	}
	owner, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}
