package lockedfile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// requireSingle refuses files that are not regular, or have a second name.
func requireSingle(f *os.File, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.Mode().IsRegular() || ok && st.Nlink != 1 {
		return fmt.Errorf("%s is not a regular file with a single name: remove it", f.Name())
	}
	return nil
}

// giveTo gives a file to the owner of a directory.
func giveTo(f *os.File, info fs.FileInfo, d Dir) error {
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

// keepOwner gives a new file to the owner of the old one, or of the directory if old is nil.
// Root edits files for a service that runs as another user.
func keepOwner(f *os.File, d Dir, old os.FileInfo) error {
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

// Same reports whether a file is unchanged. Replace makes a different file.
func Same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) &&
		a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}
