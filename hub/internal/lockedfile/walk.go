package lockedfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/internal/setting"
)

// walk opens directories one by one, so that it knows the owner of each link.
type walk struct {
	links int    // how many more links are followed
	owner uint32 // the user whose links are followed
}

// file returns the directory of a file, and the file's name there.
func (w *walk) file(name string) (d Dir, base string, err error) {
	if name, err = filepath.Abs(name); err != nil {
		return Dir{}, "", err
	}
	for {
		base = filepath.Base(name)
		if d, err = w.directory(filepath.Dir(name)); err != nil {
			return Dir{}, "", err
		}
		to, err := w.link(d, base)
		if err != nil {
			d.Close()
			return Dir{}, "", err
		}
		if to == "" {
			return d, base, nil
		}
		name = to
		d.Close()
	}
}

// directory opens a directory by its absolute path. It creates the missing ones.
func (w *walk) directory(path string) (Dir, error) {
	root, err := os.Open("/")
	if err != nil {
		return Dir{}, err
	}
	d := Dir{root, "/"}
	rest := strings.Split(strings.Trim(path, "/"), "/")
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == "" {
			continue
		}
		to, err := w.link(d, part)
		if err == nil && to != "" {
			d.Close()
			return w.directory(filepath.Join(append([]string{to}, rest...)...))
		}
		var next Dir
		if err == nil {
			next, err = d.child(part)
		}
		d.Close()
		if err != nil {
			return Dir{}, err
		}
		d = next
	}
	return d, nil
}

// child opens a directory in this one. It creates the directory if it is missing.
func (d Dir) child(part string) (Dir, error) {
	f, err := d.Open(part, unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) {
		if err := unix.Mkdirat(d.fd(), part, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return Dir{}, &fs.PathError{Op: "mkdir", Path: filepath.Join(d.path, part), Err: err}
		}
		f, err = d.Open(part, unix.O_RDONLY|unix.O_DIRECTORY)
	}
	return Dir{f, filepath.Join(d.path, part)}, err
}

// link returns the target of a link as an absolute path, or "" if there is no link.
// A link that may not be followed is an error.
func (w *walk) link(d Dir, base string) (string, error) {
	path := d.Path(base)
	var st unix.Stat_t
	err := unix.Fstatat(d.fd(), base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, fs.ErrNotExist) || err == nil && st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", nil
	}
	if err != nil {
		return "", &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Uid != w.owner {
		return "", setting.Errorf("%s is a symbolic link of user %d, which root does not follow: "+
			"name the file itself with {credentials}", path, st.Uid)
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
