package access

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/secret"
)

// index finds an entry by its name.
func index[T any](list []T, kind, name string, nameOf func(T) string) (int, error) {
	if i := slices.IndexFunc(list, func(entry T) bool { return nameOf(entry) == name }); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("there is no %s %q: \"bramble-hub %s list\" shows all", kind, printable.Short(name), kind)
}

func (d *File) user(name string) (*User, error) {
	i, err := index(d.Users, "user", name, func(u User) string { return u.Name })
	if err != nil {
		return nil, err
	}
	return &d.Users[i], nil
}

// AddUser adds an enabled user.
func (d *File) AddUser(name string, role Role, cameras []string, password secret.Text) error {
	if _, err := d.user(name); err == nil {
		return fmt.Errorf("there is a user %q already: change the password with \"bramble-hub user passwd\", the rest with \"bramble-hub user set\"", name)
	}
	err := errors.Join(ValidateName(name), role.validate(), ValidateGrants(cameras), ValidatePassword(password, name))
	if err != nil {
		return err
	}
	d.Users = append(d.Users, User{Name: name, Role: role, Cameras: cameras, Hash: hashPassword(password), Enabled: true})
	return nil
}

// SetPassword changes a user's password.
func (d *File) SetPassword(name string, password secret.Text) error {
	u, err := d.user(name)
	if err != nil {
		return err
	}
	if err := ValidatePassword(password, name); err != nil {
		return err
	}
	u.Hash = hashPassword(password)
	return nil
}

// SetUser changes what is not empty or nil of a user.
func (d *File) SetUser(name string, role Role, cameras []string, enabled *bool) error {
	u, err := d.user(name)
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
	return errors.Join(u.Role.validate(), ValidateGrants(u.Cameras))
}

// RemoveUser removes a user and all tokens of that user.
func (d *File) RemoveUser(name string) error {
	i, err := index(d.Users, "user", name, func(u User) string { return u.Name })
	if err != nil {
		return err
	}
	d.Users = slices.Delete(d.Users, i, i+1)
	d.Tokens = slices.DeleteFunc(d.Tokens, func(t Token) bool { return t.Owner == name })
	return nil
}

// AddToken makes an API token that acts for a user, and returns its text, which is kept nowhere. A life of 0 has no end.
func (d *File) AddToken(owner, name string, life time.Duration) (Token, secret.Text, error) {
	return d.AddNarrowToken(Token{Owner: owner, Name: name}, life)
}

// AddNarrowToken is AddToken, narrowed to Role and Cameras of want.
func (d *File) AddNarrowToken(want Token, life time.Duration) (Token, secret.Text, error) {
	if _, err := d.user(want.Owner); err != nil {
		return Token{}, "", err
	}
	if err := errors.Join(ValidateName(want.Name), want.validateNarrowing()); err != nil {
		return Token{}, "", err
	}
	if life < 0 {
		return Token{}, "", errors.New("a token cannot expire in the past: give --expires 720h, or leave it out for one without an end")
	}
	if life > 0 {
		want.Expires = time.Now().Add(life).UTC().Truncate(time.Second)
	}
	t, text := newToken(want)
	d.Tokens = append(d.Tokens, t)
	return t, text, nil
}

// RemoveToken removes a token by its id.
func (d *File) RemoveToken(id string) error {
	i, err := index(d.Tokens, "token", id, func(t Token) string { return t.ID })
	if err != nil {
		return err
	}
	d.Tokens = slices.Delete(d.Tokens, i, i+1)
	return nil
}

// AddAgent lets an agent publish cameras, and returns its credential, of which only the public half is kept.
func (d *File) AddAgent(name string, cameras []string) (credential.Credential, error) {
	if _, err := index(d.Agents, "agent", name, func(a Agent) string { return a.Name }); err == nil {
		return credential.Credential{}, fmt.Errorf("there is an agent %q already: remove it first if its credential is lost, or should be another", name)
	}
	for _, a := range d.Agents {
		for _, camera := range cameras {
			if slices.Contains(a.Cameras, camera) {
				return credential.Credential{}, fmt.Errorf("camera %s belongs to agent %s already: remove that agent first", camera, a.Name)
			}
		}
	}
	c, err := credential.New()
	if err != nil {
		return c, err
	}
	d.Agents = append(d.Agents, Agent{Name: name, Cameras: cameras, Key: c.Public()})
	return c, d.validatePeers()
}

// RemoveAgent removes an agent: its credential opens nothing any more.
func (d *File) RemoveAgent(name string) error {
	i, err := index(d.Agents, "agent", name, func(a Agent) string { return a.Name })
	if err != nil {
		return err
	}
	d.Agents = slices.Delete(d.Agents, i, i+1)
	return nil
}

// AddConsumer lets a consumer subscribe to cameras, and returns its credential, of which only the public half is kept.
func (d *File) AddConsumer(name string, cameras []string) (credential.Credential, error) {
	if _, err := index(d.Consumers, "consumer", name, func(c Consumer) string { return c.Name }); err == nil {
		return credential.Credential{}, fmt.Errorf("there is a consumer %q already: remove it first if its credential is lost, or should be another", name)
	}
	c, err := credential.New()
	if err != nil {
		return c, err
	}
	d.Consumers = append(d.Consumers, Consumer{Name: name, Cameras: cameras, Key: c.Public()})
	return c, d.validatePeers()
}

// RemoveConsumer removes a consumer.
func (d *File) RemoveConsumer(name string) error {
	i, err := index(d.Consumers, "consumer", name, func(c Consumer) string { return c.Name })
	if err != nil {
		return err
	}
	d.Consumers = slices.Delete(d.Consumers, i, i+1)
	return nil
}
