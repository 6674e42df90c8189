package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/shared/subject"
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

// File is the content of a credentials file, as a command edits it. The hub reads it as a Book.
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

// User is a person, or a program that acts like one.
type User struct {
	Name    string   `json:"name"`
	Role    Role     `json:"role"`
	Cameras []string `json:"cameras"` // grants: GLOB or @GROUP, then =ROLE if it differs from the user's role
	Hash    string   `json:"hash"`    // of the password: argon2id in PHC form
	Enabled bool     `json:"enabled"`
}

// LogValue implements slog.LogValuer: the hash is nobody's business.
func (u User) LogValue() slog.Value { return slog.StringValue(u.Name) }

// Token lets a program act for a user.
type Token struct {
	ID      string    `json:"id"`
	Owner   string    `json:"owner"` // name of a user
	Name    string    `json:"name"`  // what it is for
	SHA256  string    `json:"sha256"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`  // zero: never
	Role    Role      `json:"role,omitempty"`    // highest role of the token; "" means the owner's role
	Cameras []string  `json:"cameras,omitempty"` // globs and @GROUPs within the owner's grants; nil means all
}

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.ID) }

// Agent may publish cameras, and serve them.
type Agent struct {
	Name    string   `json:"name"`
	Cameras []string `json:"cameras"` // ids, no globs: NATS has none within a token
	Key     string   `json:"key"`     // public NKey
}

// Consumer may subscribe to cameras.
type Consumer struct {
	Name    string   `json:"name"`
	Cameras []string `json:"cameras"` // globs and @GROUPs
	Key     string   `json:"key"`
}

// parse reads a credentials file. What this version does not know is an error: the next change would lose it.
func parse(data []byte) (*File, error) {
	var versioned struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &versioned); err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	if versioned.Version != version && versioned.Version != versionGroups {
		return nil, fmt.Errorf("it has version %d, and this program knows versions %d and %d only: "+
			"use the program that wrote it, or a newer one",
			versioned.Version, version, versionGroups)
	}
	d := &File{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(d); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return d, d.validate()
}

func (d *File) validate() error {
	if len(d.LinkKey) != keySize {
		return fmt.Errorf("link_key has %d bytes: it should have %d", len(d.LinkKey), keySize)
	}
	users := make(map[string]bool)
	for _, u := range d.Users {
		if err := errors.Join(unique(users, "user", u.Name), u.Role.validate(), ValidateGrants(u.Cameras)); err != nil {
			return fmt.Errorf("user %q: %w", printable.Short(u.Name), err)
		}
		if _, err := parseHash(u.Hash); err != nil {
			return fmt.Errorf("user %q: %w", u.Name, err)
		}
	}
	ids := make(map[string]bool)
	for _, t := range d.Tokens {
		if err := t.validate(users, ids); err != nil {
			return fmt.Errorf("token %q: %w", printable.Short(t.ID), err)
		}
	}
	return errors.Join(d.validatePeers(), d.validateGroups(), d.validateMappings())
}

func (d *File) validatePeers() error {
	keys, cameras := make(map[string]bool), make(map[string]bool)
	names := make(map[string]bool)
	for _, a := range d.Agents {
		err := errors.Join(unique(names, "agent", a.Name), uniqueKey(keys, a.Key))
		if len(a.Cameras) == 0 {
			err = errors.Join(err, errors.New("it has no cameras"))
		}
		for _, c := range a.Cameras {
			err = errors.Join(err, subject.ValidateID(c))
			if cameras[c] {
				err = errors.Join(err, fmt.Errorf("camera %s is given to two agents, or twice to one: take it from one of them", printable.Short(c)))
			}
			cameras[c] = true
		}
		if err != nil {
			return fmt.Errorf("agent %q: %w", printable.Short(a.Name), err)
		}
	}
	names = make(map[string]bool)
	for _, c := range d.Consumers {
		err := errors.Join(unique(names, "consumer", c.Name), uniqueKey(keys, c.Key),
			validateSelection("consumer", c.Cameras))
		if err != nil {
			return fmt.Errorf("consumer %q: %w", printable.Short(c.Name), err)
		}
	}
	return nil
}

func unique(seen map[string]bool, kind, name string) error {
	if err := ValidateName(name); err != nil {
		return err
	}
	if seen[name] {
		return fmt.Errorf("there is a second %s of this name", kind)
	}
	seen[name] = true
	return nil
}

func uniqueKey(seen map[string]bool, key string) error {
	if !nkeys.IsValidPublicUserKey(key) {
		return fmt.Errorf("key %q is no public NKey of a user", printable.Short(key))
	}
	if seen[key] {
		return errors.New("another one has the same key")
	}
	seen[key] = true
	return nil
}
