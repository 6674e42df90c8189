package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrOlder says that credentials were to be taken over that are older than those that are there.
var ErrOlder = errors.New("they are older than those in the file")

// ErrDiverged says that two copies of the credentials were both changed.
var ErrDiverged = errors.New("they and those in the file were both changed")

// Parse reads what Encode has written, and checks it as a credentials file is checked.
func Parse(data []byte) (*Document, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("they have %d bytes, more than the %d that are allowed", len(data), maxFile)
	}
	return parse(data)
}

// Read returns the content of a credentials file; if there is none the error is fs.ErrNotExist.
func Read(name string) (*Document, error) {
	d, _, err := read(name)
	return d, err
}

// NewDocument returns credentials that nobody has, with a link key.
func NewDocument() *Document { return newDocument() }

// Encode returns what stands in a file.
func (d *Document) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, err
	}
	if len(data) >= maxFile {
		return nil, fmt.Errorf("it would be larger than the %d bytes that are allowed: "+
			"remove users or tokens that nobody needs", maxFile)
	}
	return append(data, '\n'), nil
}

// Apply changes the document, and reports whether anything is different after that. An error leaves it in pieces.
func (d *Document) Apply(change func(*Document) error) (changed bool, err error) {
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

// Equal reports whether two documents are the same, to the byte.
func (d *Document) Equal(other *Document) bool {
	a, errA := json.Marshal(d)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Install puts a document in the place of a credentials file, and reports whether the file was another one.
// Unless force is set, the error is ErrOlder if the file is newer, and ErrDiverged if it has the same revision and another content.
func Install(name string, d *Document, force bool) (changed bool, err error) {
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
