package credstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/hub/internal/lockedfile"
	"github.com/bramble-cam/bramble/internal/setting"
)

// ErrOlder says that the credentials to install are older than those in the file.
var ErrOlder = errors.New("they are older than those in the file")

// ErrDiverged says that both copies of the credentials were changed.
var ErrDiverged = errors.New("both they and those in the file were changed")

// Edit changes the credentials file, which it makes if there is none. It locks the file meanwhile.
// Readers find the old content or the new one, even after a crash. An error of change leaves the file as it is.
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
	d, base, err := lockedfile.OpenDir(name)
	if err != nil {
		return setting.Errorf("credentials file: %w: name another place with {credentials}", err)
	}
	defer d.Close()
	l, err := d.Lock(base, e.Waiting)
	if err != nil {
		return err
	}
	defer l.Unlock()
	return e.edit(d, base, l, change)
}

// edit changes a locked file.
func (e Editor) edit(d lockedfile.Dir, base string, l *lockedfile.Lock, change func(*File) error) error {
	f, old, err := readIn(d, base)
	if err != nil {
		return err
	}
	changed, err := f.Apply(change)
	if err != nil {
		return err
	}
	if !changed && old != nil {
		return d.Discard(base)
	}
	return e.store(d, base, l, f, old)
}

// readIn returns the content of a file in a directory.
// If there is no file it returns the content of a new one, without os.FileInfo.
func readIn(d lockedfile.Dir, base string) (*File, os.FileInfo, error) {
	file, err := d.Open(base, unix.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return NewFile(), nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("credentials file: %w", err)
	}
	return readFrom(file)
}

// before tells a test of the next step.
func (e Editor) before(step string) {
	if e.step != nil {
		e.step(step)
	}
}

// store replaces a locked file. Its lock file names new entries only after that, and drops removed ones before it.
// A crash in between must not look like a loss.
func (e Editor) store(d lockedfile.Dir, base string, l *lockedfile.Lock, f *File, old os.FileInfo) error {
	data, err := f.Encode()
	if err != nil {
		return fmt.Errorf("credentials file %s: %w", d.Path(base), err)
	}
	says := marks(f)
	err = d.Replace(base, lockedfile.Replacement{
		Data: data, Owner: old, Step: e.step,
		BeforeRename: func() error {
			e.before("forget")
			return keepMarks(l, says)
		},
	})
	if err == nil {
		e.before("mark")
		err = l.SetText(says)
		e.before("end")
	}
	if err != nil {
		return fmt.Errorf("credentials file: %w", err)
	}
	return nil
}

// Install replaces the content of a credentials file with f. It reports whether the file was different.
// Without force, the error is ErrOlder if the file is newer.
// It is ErrDiverged if the file has the same revision and different content.
func Install(name string, f *File, force bool) (changed bool, err error) {
	if err := f.validate(); err != nil {
		return false, err
	}
	in, base, err := lockedfile.OpenDir(name)
	if err != nil {
		return false, setting.Errorf("credentials file: %w: name another place with {credentials}", err)
	}
	defer in.Close()
	l, err := in.Lock(base, nil)
	if err != nil {
		return false, err
	}
	defer l.Unlock()
	was, old, err := readIn(in, base)
	switch {
	case err != nil && !force:
		return false, err
	case err != nil || old == nil:
	case was.Equal(f):
		return false, nil
	case !force && was.Revision > f.Revision:
		return false, ErrOlder
	case !force && was.Revision == f.Revision:
		return false, ErrDiverged
	}
	return true, Editor{}.store(in, base, l, f, old)
}
