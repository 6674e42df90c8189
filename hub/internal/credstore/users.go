package credstore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/password"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/secret"
)

// User is a person, or a program that acts like one.
type User struct {
	Name    string          `json:"name"`
	Role    permission.Role `json:"role"`
	Cameras []string        `json:"cameras"` // grants: GLOB or @GROUP, then =ROLE if it differs from the user's role
	Hash    string          `json:"hash"`    // of the password: argon2id in PHC form
	Enabled bool            `json:"enabled"`
}

// LogValue implements slog.LogValuer. It hides the hash.
func (u User) LogValue() slog.Value { return slog.StringValue(u.Name) }

func (f *File) user(name string) (*User, error) {
	i, err := index(f.Users, "user", name, func(u User) string { return u.Name })
	if err != nil {
		return nil, err
	}
	return &f.Users[i], nil
}

// AddUser adds an enabled user.
func (f *File) AddUser(name string, role permission.Role, cameras []string, text secret.Text) error {
	if _, err := f.user(name); err == nil {
		return fmt.Errorf("there is a user %q already: change the password with \"bramble-hub user passwd\", "+
			"the rest with \"bramble-hub user set\"", name)
	}
	err := errors.Join(ValidateName(name), role.Validate(), ValidateGrants(cameras), password.Validate(text, name))
	if err != nil {
		return err
	}
	f.Users = append(f.Users, User{Name: name, Role: role, Cameras: cameras, Hash: password.Hash(text), Enabled: true})
	return nil
}

// SetPassword changes a user's password.
func (f *File) SetPassword(name string, text secret.Text) error {
	u, err := f.user(name)
	if err != nil {
		return err
	}
	if err := password.Validate(text, name); err != nil {
		return err
	}
	u.Hash = password.Hash(text)
	return nil
}

// SetUser changes what is not empty or nil of a user.
func (f *File) SetUser(name string, role permission.Role, cameras []string, enabled *bool) error {
	u, err := f.user(name)
	if err != nil {
		return err
	}
	if role != "" {
		u.Role = role
	}
	if cameras != nil {
		u.Cameras = cameras
	}
	if enabled != nil {
		u.Enabled = *enabled
	}
	return errors.Join(u.Role.Validate(), ValidateGrants(u.Cameras))
}

// RemoveUser removes a user and all tokens of that user.
func (f *File) RemoveUser(name string) error {
	i, err := index(f.Users, "user", name, func(u User) string { return u.Name })
	if err != nil {
		return err
	}
	f.Users = slices.Delete(f.Users, i, i+1)
	f.Tokens = slices.DeleteFunc(f.Tokens, func(t Token) bool { return t.Owner == name })
	return nil
}

// CredentialVersion changes with everything about a user that ends their sessions: name, role, password and state.
func (u User) CredentialVersion() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{u.Name, string(u.Role), u.Hash, fmt.Sprint(u.Enabled)}, "\x00")))
	return hex.EncodeToString(sum[:8])
}
