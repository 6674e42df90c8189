// Package atomicfile replaces a file in one step. A reader finds the old content or the new one, even after a crash.
//
// Several writers at once need a lock. That does not belong here.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Options say how a file is replaced.
type Options struct {
	// Mode is the mode of the new file; 0 means that only its owner may read it.
	Mode fs.FileMode

	// Prepare is called with the new file before data is written, for example to give it an owner. It may be nil.
	Prepare func(*os.File) error

	// SyncDir makes Write wait until the new name is on disk as well. Without it a crash may bring the old file back.
	SyncDir bool
}

// Write replaces the file, or makes it. After an error the old file is still there, unless the error is of SyncDir.
func Write(name string, data []byte, o Options) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*") // readable by its owner only
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f, data, o), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("%s was not changed: %w", name, err), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return errors.Join(fmt.Errorf("%s was not changed: %w", name, err), os.Remove(f.Name()))
	}
	if o.SyncDir {
		return syncDir(dir)
	}
	return nil
}

// fill writes the new file to disk.
func fill(f *os.File, data []byte, o Options) error {
	if o.Prepare != nil {
		if err := o.Prepare(f); err != nil {
			return err
		}
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if o.Mode != 0 {
		if err := f.Chmod(o.Mode); err != nil {
			return err
		}
	}
	return f.Sync()
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
