package credstore

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/apitoken"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/setting"
)

// Token lets a program act for a user.
type Token struct {
	ID      string          `json:"id"`
	Owner   string          `json:"owner"` // name of a user
	Name    string          `json:"name"`  // what it is for
	SHA256  string          `json:"sha256"`
	Created time.Time       `json:"created"`
	Expires time.Time       `json:"expires,omitzero"`  // zero: never
	Role    permission.Role `json:"role,omitempty"`    // highest role of the token; "" means the owner's role
	Cameras []string        `json:"cameras,omitempty"` // globs and @GROUPs within the owner's grants; nil means all
}

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.ID) }

// AddToken makes an API token that acts for a user. It returns the text, which is kept nowhere. A life of 0 has no end.
func (f *File) AddToken(owner, name string, life time.Duration) (Token, secret.Text, error) {
	return f.AddNarrowToken(Token{Owner: owner, Name: name}, life)
}

// AddNarrowToken is AddToken, narrowed to Role and Cameras of want.
func (f *File) AddNarrowToken(want Token, life time.Duration) (Token, secret.Text, error) {
	if _, err := f.user(want.Owner); err != nil {
		return Token{}, "", err
	}
	if err := errors.Join(ValidateName(want.Name), want.validateNarrowing()); err != nil {
		return Token{}, "", err
	}
	if life < 0 {
		return Token{}, "", setting.Errorf("a token cannot expire in the past: " +
			"give {expires} 720h, or leave it out for one without an end")
	}
	if life > 0 {
		want.Expires = time.Now().Add(life).UTC().Truncate(time.Second)
	}
	var text secret.Text
	want.ID, want.SHA256, text = apitoken.New()
	want.Created = time.Now().UTC().Truncate(time.Second)
	f.Tokens = append(f.Tokens, want)
	return want, text, nil
}

// RemoveToken removes a token by its id.
func (f *File) RemoveToken(id string) error {
	i, err := index(f.Tokens, "token", id, func(t Token) string { return t.ID })
	if err != nil {
		return err
	}
	f.Tokens = slices.Delete(f.Tokens, i, i+1)
	return nil
}

func (t Token) validate(users, ids map[string]bool) error {
	if err := apitoken.Validate(t.ID, t.SHA256); err != nil {
		return err
	}
	if ids[t.ID] {
		return errors.New("there is a second one with this id")
	}
	ids[t.ID] = true
	if !users[t.Owner] {
		return fmt.Errorf("it belongs to a user %q, who does not exist", printable.Short(t.Owner))
	}
	return errors.Join(ValidateName(t.Name), t.validateNarrowing())
}

// validateNarrowing checks the role and the cameras that a token is narrowed to.
func (t Token) validateNarrowing() error {
	var err error
	if t.Role != "" {
		err = t.Role.Validate()
	}
	if t.Cameras != nil && len(t.Cameras) == 0 {
		err = errors.Join(err, errors.New("it is narrowed to no camera: "+
			"name one, or leave cameras out for all cameras of its user"))
	}
	return errors.Join(err, validateSelection("token", t.Cameras))
}
