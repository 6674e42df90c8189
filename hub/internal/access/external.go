package access

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/problem"
)

// How an external party has proved a person's identity.
const (
	MethodProxy = "proxy" // headers of a trusted reverse proxy
	MethodJWT   = "jwt"   // a bearer token of an identity provider
	MethodOIDC  = "oidc"  // a login at an identity provider
)

const (
	// maxExternalGroups bounds how many groups of a person are read.
	maxExternalGroups = 1000

	// maxSessionGroups bounds the groups in a session cookie, in bytes.
	maxSessionGroups = 2048

	// ProxyLife bounds streams of a person that a proxy has identified. The hub cannot ask the proxy again.
	ProxyLife = 24 * time.Hour
)

// Identity is a person as named by a proxy or an identity provider.
type Identity struct {
	Name   string
	Groups []string
}

// UnmappedError says that a person is identified, but that no mapping grants them a camera.
type UnmappedError struct{ Name string }

func (e *UnmappedError) Error() string {
	return fmt.Sprintf("you are logged in as %s, but this hub grants you no camera: ask its operator to run "+
		"\"bramble-hub mapping add\" with your name or one of your groups", e.Name)
}

// Problem implements problem.Describer.
func (e *UnmappedError) Problem() problem.Problem {
	return problem.Problem{Title: "No cameras granted", Status: http.StatusForbidden}
}

func (id Identity) validate() error {
	if len(id.Groups) > maxExternalGroups {
		return fmt.Errorf("there are %d groups, more than %d: have the provider send only the groups that the hub needs",
			len(id.Groups), maxExternalGroups)
	}
	return validateExternal("user", id.Name)
}

// external returns the principal that the mappings make of a person. The grants of several mappings add up.
func (b *Snapshot) external(id Identity, by string) (Principal, error) {
	if err := id.validate(); err != nil {
		return Principal{}, err
	}
	if u, exists := b.users[id.Name]; exists && !u.Enabled {
		return Principal{}, errors.New("the user of this name in the credentials file is disabled")
	}
	p := Principal{Name: id.Name, Method: by, external: &Identity{Name: id.Name}}
	for _, m := range b.doc.Mappings {
		if !m.fits(id) {
			continue
		}
		if p.Role == "" || !p.Role.AtLeast(m.Role) {
			p.Role = m.Role
		}
		p.grants = append(p.grants, b.resolve(m.Cameras, m.Role)...)
	}
	if p.Role == "" {
		return Principal{}, &UnmappedError{id.Name}
	}
	p.external.Groups = b.mapped(id.Groups)
	return p, nil
}

// mapped returns the person's groups that a mapping names.
func (b *Snapshot) mapped(groups []string) (mapped []string) {
	for _, m := range b.doc.Mappings {
		if group, ok := strings.CutPrefix(m.Who, mapsGroup); ok && slices.Contains(groups, group) {
			mapped = append(mapped, group)
		}
	}
	return mapped
}

// External returns the principal of a person that a proxy or an identity provider has identified, until expires.
// The error is ErrUnauthenticated or an *UnmappedError.
func (d *Authenticator) External(addr, by string, id Identity, expires time.Time) (Principal, error) {
	p, err := d.store.Snapshot().external(id, by)
	if err != nil {
		return Principal{}, d.refuseExternal(addr, by, id, err)
	}
	p.expires = expires
	d.used("identity accepted", by, p.Name, "", addr, "role", p.Role)
	return p, nil
}

// LoginExternal begins a session of such a person. It ends after life, even if it is in use.
// The errors are those of External.
func (d *Authenticator) LoginExternal(addr, by string, id Identity, life time.Duration) (Cookie, error) {
	b := d.store.Snapshot()
	p, err := b.external(id, by)
	if err != nil {
		return Cookie{}, d.refuseExternal(addr, by, id, err)
	}
	cookie, err := d.sessions.beginExternal(b, p, life, time.Now())
	if err != nil {
		return Cookie{}, fmt.Errorf("session: %w", err)
	}
	d.accepted("login", "login", p.Name, "by", by, "user", p.Name, "role", p.Role, "address", addr)
	return cookie, nil
}

// RefuseExternal writes an audit line about an invalid external proof.
func (d *Authenticator) RefuseExternal(addr, by string, why error) {
	d.refuse(by, addr, "", fmt.Errorf("%.160s", why.Error())) // the text may come from an unauthenticated client
}

func (d *Authenticator) refuseExternal(addr, by string, id Identity, err error) error {
	d.refuse(by, addr, id.Name, err)
	if unmapped := (*UnmappedError)(nil); errors.As(err, &unmapped) {
		return unmapped
	}
	return ErrUnauthenticated
}

// beginExternal returns the cookie of a new session.
// It holds the person's groups that a mapping names, so that a change of the mappings takes effect at once.
func (s *sessions) beginExternal(b *Snapshot, p Principal, life time.Duration, now time.Time) (Cookie, error) {
	size := 0
	for _, g := range p.external.Groups {
		size += len(g)
	}
	if b.sessionKey == nil {
		return Cookie{}, errors.New("there is no credentials file with a key to sign sessions")
	}
	if size > maxSessionGroups {
		return Cookie{}, fmt.Errorf("the mapped groups of this user take %d bytes, more than the %d that a cookie can hold: "+
			"map fewer of them", size, maxSessionGroups)
	}
	return b.issue(session{
		User: p.Name, ID: newSessionID(), Login: now.Unix(), Method: p.Method, Groups: p.external.Groups,
		End: now.Add(life).Unix(),
	}, now)
}

// ofSession returns the principal of a session cookie, or an error that says why the session has ended.
func (b *Snapshot) ofSession(c session) (Principal, error) {
	if c.Method != "" {
		p, err := b.external(Identity{c.User, c.Groups}, MethodSession)
		p.LoginMethod = c.Method
		return p, err
	}
	u, ok := b.user(c.User)
	if !ok || u.generation() != c.Generation {
		return Principal{}, errors.New("the session has ended because the user's password or role was changed")
	}
	return b.principal(u, MethodSession), nil
}

// revalidateExternal is Again for people that a proxy or an identity provider has identified.
func (d *Authenticator) revalidateExternal(b *Snapshot, p Principal) (Principal, bool) {
	if p.session != nil && (!bytes.Equal(p.key, b.sessionKey) || d.sessions.past.has(p.session.past())) {
		return Principal{}, false
	}
	now, err := b.external(*p.external, p.Method)
	if err != nil {
		return Principal{}, false
	}
	p.Role, p.grants = now.Role, now.grants
	return p, true
}
