package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"github.com/bramble-cam/bramble/internal/atomicfile"
)

// WriteFileAtomic replaces a file in one step. Other content that was there is kept beside it as NAME.bak, with the
// same mode. A new file gets the mode; an old one keeps its own.
func WriteFileAtomic(name string, data []byte, mode fs.FileMode) error {
	old, err := os.ReadFile(name)
	switch {
	case err == nil && bytes.Equal(old, data):
		return nil
	case err == nil:
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		mode = info.Mode().Perm()
		if err := atomicfile.Write(name+".bak", old, atomicfile.Options{Mode: mode}); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return atomicfile.Write(name, data, atomicfile.Options{Mode: mode})
}
