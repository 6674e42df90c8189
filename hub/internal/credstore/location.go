package credstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/internal/setting"
)

// fileName is the name of the credentials file in the directory for state.
const fileName = "credentials.json"

// DefaultPath returns where the credentials file is by default: in systemd's state directory of the service, for root
// in that of the system, else in the user's own.
func DefaultPath() (string, error) {
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
			return "", setting.Errorf("no place for the credentials file: %w: name it with {credentials}", err)
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "bramble", fileName), nil
}

// RequireFile returns an ErrMissing error if the credentials file that the operator named does not exist.
func RequireFile(name string) error {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return setting.Errorf("%w: {credentials} names %s, which is not there: check that its volume is mounted, "+
			"make it with "+
			"\"bramble-hub --credentials %s user add NAME --role admin\", or leave {credentials} out", ErrMissing,
			name, name)
	}
	return nil
}

// Read returns the content of a credentials file; if there is none the error is fs.ErrNotExist.
func Read(name string) (*File, error) {
	d, _, err := read(name)
	return d, err
}

// read returns the file's content and what tells it from a later one. No file is fs.ErrNotExist.
func read(name string) (*File, os.FileInfo, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // a named pipe must not block
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
		return nil, info, setting.Errorf("credentials file %s is no file: name another one with {credentials}", name)
	case info.Mode().Perm()&0o077 != 0:
		return nil, info, fmt.Errorf("credentials file %s can be read by others than its owner (mode %04o): "+
			"chmod 600 %s, and consider the passwords in it as known", name, info.Mode().Perm(), name)
	case info.Size() > maxFile:
		return nil, info, fmt.Errorf("credentials file %s has %d bytes, more than the %d that are allowed: "+
			"remove users or tokens that are not needed", name, info.Size(), maxFile)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, info, fmt.Errorf("credentials file: %w", err)
	}
	d, err := parse(data)
	if err != nil {
		return nil, info, fmt.Errorf("credentials file %s: %w: restore it from a copy, "+
			"or move it away and start over with \"bramble-hub user add\"", name, err)
	}
	return d, info, nil
}
