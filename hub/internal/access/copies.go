package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrOlder says that the credentials to install are older than those in the file.
var ErrOlder = errors.New("they are older than those in the file")

// ErrDiverged says that both copies of the credentials were changed.
var ErrDiverged = errors.New("both they and those in the file were changed")

// Parse reads the output of Encode and checks it like a credentials file.
func Parse(data []byte) (*File, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("they have %d bytes, more than the limit of %d", len(data), maxFile)
	}
	return parse(data)
}

// Read returns the content of a credentials file; if there is none the error is fs.ErrNotExist.
func Read(name string) (*File, error) {
	d, _, err := read(name)
	return d, err
}

// NewFile returns credentials without users and peers, with a new link key.
func NewFile() *File { return newFile() }

// Encode returns the content of a credentials file.
func (d *File) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, err
	}
	if len(data) >= maxFile {
		return nil, fmt.Errorf("it would be larger than the limit of %d bytes: "+
			"remove unused users or tokens", maxFile)
	}
	return append(data, '\n'), nil
}

// Apply changes the document and reports whether its content is different afterwards.
// After an error the document must not be used.
func (d *File) Apply(change func(*File) error) (changed bool, err error) {
	before, err := json.Marshal(d)
	if err != nil {
		return false, err
	}
	if err := change(d); err != nil {
		return false, err
	}
	if err := d.validate(); err != nil {
		return false, err
	}
	d.Version = d.neededVersion()
	after, err := json.Marshal(d)
	if err != nil || bytes.Equal(before, after) {
		return false, err
	}
	d.Revision++
	d.Changed = time.Now().UTC().Truncate(time.Second)
	return true, nil
}

// Equal reports whether two documents have the same bytes.
func (d *File) Equal(other *File) bool {
	a, errA := json.Marshal(d)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Install replaces the content of a credentials file with a document. It reports whether the file was different.
// Without force, the error is ErrOlder if the file is newer.
// It is ErrDiverged if the file has the same revision and different content.
func Install(name string, d *File, force bool) (changed bool, err error) {
	if err := d.validate(); err != nil {
		return false, err
	}
	in, base, err := openDir(name)
	if err != nil {
		return false, fmt.Errorf("credentials file: %w: name another place with --credentials", err)
	}
	defer in.close()
	l, err := lock(in, lockName(base), func(string) {})
	if err != nil {
		return false, err
	}
	defer l.unlock()
	was, old, err := readIn(in, base)
	switch {
	case err != nil && !force:
		return false, err
	case err != nil || old == nil:
	case was.Equal(d):
		return false, nil
	case !force && was.Revision > d.Revision:
		return false, ErrOlder
	case !force && was.Revision == d.Revision:
		return false, ErrDiverged
	}
	return true, Editor{step: func(string) {}}.store(in, base, l, d, old)
}
