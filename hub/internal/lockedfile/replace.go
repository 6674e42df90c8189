package lockedfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// newSuffix ends the name of a file that takes the place of another one next. It may remain from a crash.
const newSuffix = ".new"

// Replacement is new content for a file, whose lock the caller holds.
type Replacement struct {
	Data  []byte
	Owner os.FileInfo // the old file, whose owner gets the new one; nil stands for the directory's owner

	BeforeRename func() error      // called when the new file is on disk; may be nil
	Step         func(name string) // called before each step, for tests; may be nil
}

// Replace replaces a file atomically. The new file is on disk before it gets the name.
func (d Dir) Replace(base string, r Replacement) error {
	if r.Step == nil {
		r.Step = func(string) {}
	}
	temporary := base + newSuffix // the lock makes it ours
	r.Step("remove")
	if err := d.Remove(temporary); err != nil {
		return err
	}
	r.Step("create")
	f, err := d.Open(temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return err
	}
	if err := errors.Join(r.fill(f, d), f.Close()); err != nil {
		return errors.Join(err, d.Remove(temporary))
	}
	if r.BeforeRename != nil {
		if err := r.BeforeRename(); err != nil {
			return errors.Join(err, d.Remove(temporary))
		}
	}
	r.Step("rename")
	if err := d.rename(temporary, base); err != nil {
		return errors.Join(err, d.Remove(temporary))
	}
	r.Step("sync directory")
	return d.f.Sync()
}

func (r Replacement) fill(f *os.File, d Dir) error {
	r.Step("own")
	if err := keepOwner(f, d, r.Owner); err != nil {
		return err
	}
	half := len(r.Data) / 2
	r.Step("write")
	if _, err := f.Write(r.Data[:half]); err != nil {
		return err
	}
	r.Step("write more")
	if _, err := f.Write(r.Data[half:]); err != nil {
		return err
	}
	r.Step("sync")
	return f.Sync()
}

// Discard removes a new file that remains from a crash.
func (d Dir) Discard(base string) error { return d.Remove(base + newSuffix) }

// WriteFile replaces a file by its name. The caller holds its lock.
func WriteFile(name string, data []byte) error {
	d, base, err := OpenDir(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Replace(base, Replacement{Data: data})
}
