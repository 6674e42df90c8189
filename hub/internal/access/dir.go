package access

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks bounds the symbolic links on the way to a file, as the kernel does.
const maxLinks = 40

// dir is an open directory in which files are created and replaced.
// Moving the directory, or replacing it with a symbolic link, has no effect on it.
type dir struct {
	f    *os.File
	path string
}

func (d dir) close() { _ = d.f.Close() } // it was only read

func (d dir) fd() int { return int(d.f.Fd()) } //nolint:gosec // a file descriptor is a small number

// open opens a file of the directory, and follows no link.
func (d dir) open(base string, flags int) (*os.File, error) {
	fd, err := unix.Openat(d.fd(), base, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	path := filepath.Join(d.path, base)
	if errors.Is(err, unix.ELOOP) {
		err = errors.New("it is an unexpected symbolic link: remove it")
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil //nolint:gosec // a file descriptor is a small number
}

func (d dir) remove(base string) error {
	if err := unix.Unlinkat(d.fd(), base, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "remove", Path: filepath.Join(d.path, base), Err: err}
	}
	return nil
}

func (d dir) rename(from, to string) error {
	if err := unix.Renameat(d.fd(), from, d.fd(), to); err != nil {
		return &fs.PathError{Op: "rename", Path: filepath.Join(d.path, from), Err: err}
	}
	return nil
}

// openDir opens the directory of a file and returns the file's name there. It creates the directory if it is missing.
// A symbolic link at the end of name is followed: the file is replaced, not the link.
// As root it follows only root's own links. With a link of their own, a service's user could make root write any file.
func openDir(name string) (d dir, base string, err error) {
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
		return dir{}, "", err
	}
	f, err := os.Open(path)
	return dir{f, path}, base, err
}

// walk opens directories one by one, so that it knows the owner of each link.
type walk struct {
	links int    // how many more links are followed
	owner uint32 // the user whose links are followed
}

// file returns the directory of a file, and the file's name there.
func (w *walk) file(name string) (d dir, base string, err error) {
	if name, err = filepath.Abs(name); err != nil {
		return dir{}, "", err
	}
	for {
		base = filepath.Base(name)
		if d, err = w.directory(filepath.Dir(name)); err != nil {
			return dir{}, "", err
		}
		to, err := w.link(d, base)
		if err != nil {
			d.close()
			return dir{}, "", err
		}
		if to == "" {
			return d, base, nil
		}
		name = to
		d.close()
	}
}

// directory opens a directory by its absolute path. It creates the missing ones.
func (w *walk) directory(path string) (dir, error) {
	root, err := os.Open("/")
	if err != nil {
		return dir{}, err
	}
	d := dir{root, "/"}
	rest := strings.Split(strings.Trim(path, "/"), "/")
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == "" {
			continue
		}
		to, err := w.link(d, part)
		if err == nil && to != "" {
			d.close()
			return w.directory(filepath.Join(append([]string{to}, rest...)...))
		}
		var next dir
		if err == nil {
			next, err = d.enter(part)
		}
		d.close()
		if err != nil {
			return dir{}, err
		}
		d = next
	}
	return d, nil
}

// enter opens a directory in this one. It creates the directory if it is missing.
func (d dir) enter(part string) (dir, error) {
	f, err := d.open(part, unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) {
		if err := unix.Mkdirat(d.fd(), part, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return dir{}, &fs.PathError{Op: "mkdir", Path: filepath.Join(d.path, part), Err: err}
		}
		f, err = d.open(part, unix.O_RDONLY|unix.O_DIRECTORY)
	}
	return dir{f, filepath.Join(d.path, part)}, err
}

// link returns the target of a link as an absolute path, or "" if there is no link.
// A link that may not be followed is an error.
func (w *walk) link(d dir, base string) (string, error) {
	path := filepath.Join(d.path, base)
	var st unix.Stat_t
	err := unix.Fstatat(d.fd(), base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, fs.ErrNotExist) || err == nil && st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", nil
	}
	if err != nil {
		return "", &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Uid != w.owner {
		return "", fmt.Errorf("%s is a symbolic link of user %d, which root does not follow: "+
			"name the file itself with --credentials", path, st.Uid)
	}
	if w.links--; w.links < 0 {
		return "", fmt.Errorf("%s: too many symbolic links", path)
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(d.fd(), base, target)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: path, Err: err}
	}
	if to := string(target[:n]); filepath.IsAbs(to) {
		return filepath.Clean(to), nil
	}
	return filepath.Join(d.path, string(target[:n])), nil
}
