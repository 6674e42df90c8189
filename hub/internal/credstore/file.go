package credstore

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/password"
	"github.com/bramble-cam/bramble/internal/printable"
)

// Versions of the credentials file.
const (
	version       = 1
	versionGroups = 2 // with mappings, camera groups, roles for cameras, or narrowed tokens
)

// maxFile bounds the credentials file, in bytes: some ten thousand users.
const maxFile = 4 << 20

// keySize is the size of the link key in bytes.
const keySize = 32

// File is the content of a credentials file, as a command edits it. The hub looks credentials up in a Snapshot of it.
type File struct {
	Version   int        `json:"version"`
	Revision  uint64     `json:"revision,omitempty"` // how often commands have changed it
	Changed   time.Time  `json:"changed,omitzero"`   // when a command last changed it
	LinkKey   []byte     `json:"link_key"`           // signs links and session cookies
	Groups    []Group    `json:"groups,omitempty"`
	Users     []User     `json:"users"`
	Mappings  []Mapping  `json:"mappings,omitempty"`
	Tokens    []Token    `json:"tokens"`
	Agents    []Agent    `json:"agents"`
	Consumers []Consumer `json:"consumers"`
}

// NewFile returns credentials without users and NATS clients, with a new link key.
func NewFile() *File {
	f := &File{Version: version}
	f.RenewLinkKey()
	return f
}

// RenewLinkKey ends all signed links and all sessions.
func (f *File) RenewLinkKey() {
	f.LinkKey = make([]byte, keySize)
	_, _ = rand.Read(f.LinkKey) // never fails
}

// parse reads a credentials file. Unknown members are an error: the next change would lose them.
func parse(data []byte) (*File, error) {
	var versioned struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &versioned); err != nil {
		return nil, fmt.Errorf("it is not a JSON object: %w", err)
	}
	if versioned.Version != version && versioned.Version != versionGroups {
		return nil, fmt.Errorf("it has version %d, and this program knows versions %d and %d only: "+
			"use the program that wrote it, or a newer one",
			versioned.Version, version, versionGroups)
	}
	f := &File{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(f); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return f, f.validate()
}

func (f *File) validate() error {
	if len(f.LinkKey) != keySize {
		return fmt.Errorf("link_key has %d bytes: it should have %d", len(f.LinkKey), keySize)
	}
	users := make(map[string]bool)
	for _, u := range f.Users {
		if err := errors.Join(unique(users, "user", u.Name), u.Role.Validate(), ValidateGrants(u.Cameras)); err != nil {
			return fmt.Errorf("user %q: %w", printable.Short(u.Name), err)
		}
		if err := password.ValidateHash(u.Hash); err != nil {
			return fmt.Errorf("user %q: %w", u.Name, err)
		}
	}
	ids := make(map[string]bool)
	for _, t := range f.Tokens {
		if err := t.validate(users, ids); err != nil {
			return fmt.Errorf("token %q: %w", printable.Short(t.ID), err)
		}
	}
	return errors.Join(f.validateNATSClients(), f.validateGroups(), f.validateMappings())
}

// Parse reads the output of Encode and checks it like a credentials file.
func Parse(data []byte) (*File, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("they have %d bytes, more than the limit of %d", len(data), maxFile)
	}
	return parse(data)
}

// Encode returns the content of a credentials file.
func (f *File) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, err
	}
	if len(data) >= maxFile {
		return nil, fmt.Errorf("it would be larger than the limit of %d bytes: "+
			"remove unused users or tokens", maxFile)
	}
	return append(data, '\n'), nil
}

// Apply changes the file and reports whether its content is different afterwards.
// After an error the file must not be used.
func (f *File) Apply(change func(*File) error) (changed bool, err error) {
	before, err := json.Marshal(f)
	if err != nil {
		return false, err
	}
	if err := change(f); err != nil {
		return false, err
	}
	if err := f.validate(); err != nil {
		return false, err
	}
	f.Version = f.neededVersion()
	after, err := json.Marshal(f)
	if err != nil || bytes.Equal(before, after) {
		return false, err
	}
	f.Revision++
	f.Changed = time.Now().UTC().Truncate(time.Second)
	return true, nil
}

// Equal reports whether two files have the same bytes.
func (f *File) Equal(other *File) bool {
	a, errA := json.Marshal(f)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// neededVersion returns the lowest file version that supports all features in use.
// Older programs can still read a file without mappings, groups and roles for cameras.
func (f *File) neededVersion() int {
	if len(f.Groups)+len(f.Mappings) > 0 {
		return versionGroups
	}
	for _, t := range f.Tokens {
		if t.Role != "" || t.Cameras != nil {
			return versionGroups
		}
	}
	for _, u := range f.Users {
		if slices.ContainsFunc(u.Cameras, func(text string) bool { return strings.Contains(text, "=") }) {
			return versionGroups
		}
	}
	return version
}
