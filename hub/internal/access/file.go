package access

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

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
func read(name string) (*Document, os.FileInfo, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // a named pipe must not hold anybody up
	if err != nil {
		return nil, nil, fmt.Errorf("credentials file: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
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
func Edit(name string, change func(*Document) error) error {
	return editor{step: func(string) {}}.edit(name, change)
}

// editor is Edit with a hook for tests, which is called before each step of the writing.
type editor struct{ step func(name string) }

func (e editor) edit(name string, change func(*Document) error) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target // the file is replaced, not the link to it
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("credentials file: %w: name another place with --credentials", err)
	}
	unlock, err := lock(name + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	d, old, err := read(name)
	if errors.Is(err, fs.ErrNotExist) {
		d, err = newDocument(), nil
	}
	if err != nil {
		return err
	}
	before, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("credentials file: %w", err)
	}
	if err := change(d); err != nil {
		return err
	}
	if err := d.validate(); err != nil {
		return err
	}
	d.Version = d.neededVersion()
	if after, err := json.Marshal(d); err == nil && old != nil && bytes.Equal(before, after) {
		return removeRest(name)
	}
	d.Revision++
	d.Changed = time.Now().UTC().Truncate(time.Second)
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("credentials file: %w", err)
	}
	if len(data) >= maxFile {
		return fmt.Errorf("credentials file %s would be larger than the %d bytes that are allowed: remove users or tokens that nobody needs", name, maxFile)
	}
	if err := e.replace(name, append(data, '\n'), old); err != nil {
		return fmt.Errorf("credentials file: %w", err)
	}
	return nil
}

// removeRest removes what a crash may have left beside the file.
func removeRest(name string) error {
	if err := os.Remove(name + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("credentials file: %w", err)
	}
	return nil
}

func newDocument() *Document {
	d := &Document{Version: version}
	d.RenewLinkKey()
	return d
}

// RenewLinkKey ends all signed links and all sessions.
func (d *Document) RenewLinkKey() {
	d.LinkKey = make([]byte, keySize)
	_, _ = rand.Read(d.LinkKey) // never fails
}

// replace puts data in the place of the file, at once: written beside it, on disk before it gets the name.
func (e editor) replace(name string, data []byte, old os.FileInfo) error {
	dir := filepath.Dir(name)
	beside := name + ".new" // of a crash before, maybe; the lock makes it ours
	e.step("remove")
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	e.step("create")
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(e.fill(f, data, dir, old), f.Close()); err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	e.step("rename")
	if err := os.Rename(beside, name); err != nil {
		return errors.Join(err, os.Remove(beside))
	}
	e.step("sync directory")
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = errors.Join(d.Sync(), d.Close())
	e.step("end")
	return err
}

func (e editor) fill(f *os.File, data []byte, dir string, old os.FileInfo) error {
	e.step("own")
	if err := keepOwner(f, dir, old); err != nil {
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
func keepOwner(f *os.File, dir string, old os.FileInfo) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if old == nil {
		var err error
		if old, err = os.Stat(dir); err != nil {
			return err
		}
	}
	owner, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// lock waits until nobody else edits the file.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of the credentials file: %w: run the command as the user who may write there, or name another place with --credentials", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock of the credentials file %s: %w", name, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // which unlocks it
}
