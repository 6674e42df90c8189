// Package lockedfile opens, locks and replaces files in a directory that another user may write.
// Root edits a service's files there: no link or special file may lead it elsewhere. What the files hold is for others.
package lockedfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxLinks bounds the symbolic links on the way to a file, as the kernel does.
const maxLinks = 40

// Dir is an open directory in which files are created and replaced.
// Moving the directory, or replacing it with a symbolic link, has no effect on it.
type Dir struct {
	f    *os.File
	path string
}

// Path returns the path of a file of the directory.
func (d Dir) Path(base string) string { return filepath.Join(d.path, base) }

// Close closes the directory.
func (d Dir) Close() { _ = d.f.Close() } // it was only read

func (d Dir) fd() int { return int(d.f.Fd()) }

// Open opens a file of the directory with mode 0600. It follows no link.
func (d Dir) Open(base string, flags int) (*os.File, error) {
	fd, err := unix.Openat(d.fd(), base, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	path := d.Path(base)
	if errors.Is(err, unix.ELOOP) {
		err = errors.New("it is an unexpected symbolic link: remove it")
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Remove removes a file, which need not exist.
func (d Dir) Remove(base string) error {
	if err := unix.Unlinkat(d.fd(), base, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "remove", Path: d.Path(base), Err: err}
	}
	return nil
}

func (d Dir) rename(from, to string) error {
	if err := unix.Renameat(d.fd(), from, d.fd(), to); err != nil {
		return &fs.PathError{Op: "rename", Path: filepath.Join(d.path, from), Err: err}
	}
	return nil
}

// OpenDir opens the directory of a file and returns the file's name there. It creates the directory if it is missing.
// A symbolic link at the end of name is followed: the file is replaced, not the link.
// As root it follows only root's own links. With a link of their own, a service's user could make root write any file.
func OpenDir(name string) (d Dir, base string, err error) {
	if os.Geteuid() == 0 {
		return (&walk{links: maxLinks, owner: 0}).file(name)
	}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	path, base := filepath.Split(filepath.Clean(name))
	if path == "" {
		path = "."
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return Dir{}, "", err
	}
	f, err := os.Open(path)
	return Dir{f, path}, base, err
}
