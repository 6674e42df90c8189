package auth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/session"
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

func (id Identity) validate() error {
	if len(id.Groups) > maxExternalGroups {
		return fmt.Errorf("there are %d groups, more than %d: have the provider send only the groups that the hub needs",
			len(id.Groups), maxExternalGroups)
	}
	return credstore.ValidateExternalName("user", id.Name)
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

// externalPrincipal returns the principal that the mappings make of a person. The grants of several mappings add up.
func externalPrincipal(b *credstore.Snapshot, id Identity, method string) (Principal, error) {
	if err := id.validate(); err != nil {
		return Principal{}, err
	}
	if b.IsDisabled(id.Name) {
		return Principal{}, errors.New("the user of this name in the credentials file is disabled")
	}
	var role permission.Role
	var grants []permission.Grant
	mapped := &Identity{Name: id.Name} // with the groups that a mapping names
	for _, m := range b.Mappings() {
		if group, ok := m.Group(); ok && slices.Contains(id.Groups, group) {
			mapped.Groups = append(mapped.Groups, group)
		}
		if !m.Matches(id.Name, id.Groups) {
			continue
		}
		if role == "" || !role.AtLeast(m.Role) {
			role = m.Role
		}
		grants = append(grants, b.MappingGrants(m)...)
	}
	if role == "" {
		return Principal{}, &UnmappedError{id.Name}
	}
	return Principal{
		Set: permission.New(role, grants), Name: id.Name, Method: method, external: mapped,
	}, nil
}

// External returns the principal of a person that a proxy or an identity provider has identified, until expires.
// The error is ErrUnauthenticated or an *UnmappedError.
func (a *Authenticator) External(addr, method string, id Identity, expires time.Time) (Principal, error) {
	p, err := externalPrincipal(a.store.Snapshot(), id, method)
	if err != nil {
		return Principal{}, a.refuseIdentity(addr, method, id, err)
	}
	p.expires = expires
	a.audit.used("identity accepted", method, p.Name, "", addr, "role", p.Role)
	return p, nil
}

// LoginExternal begins a session of such a person. It ends after life, even if it is in use.
// The errors are those of External.
func (a *Authenticator) LoginExternal(
	addr, method string, id Identity, life time.Duration,
) (session.Cookie, error) {
	b := a.store.Snapshot()
	p, err := externalPrincipal(b, id, method)
	if err != nil {
		return session.Cookie{}, a.refuseIdentity(addr, method, id, err)
	}
	cookie, err := externalSession(b, p, life, time.Now())
	if err != nil {
		return session.Cookie{}, fmt.Errorf("session: %w", err)
	}
	a.audit.accepted("login", "login", p.Name, "by", method, "user", p.Name, "role", p.Role, "address", addr)
	return cookie, nil
}

// externalSession returns the cookie of a new session.
// It holds the person's groups that a mapping names, so that a change of the mappings takes effect at once.
func externalSession(
	b *credstore.Snapshot, p Principal, life time.Duration, now time.Time,
) (session.Cookie, error) {
	size := 0
	for _, g := range p.external.Groups {
		size += len(g)
	}
	if b.SessionKey() == nil {
		return session.Cookie{}, errors.New("there is no credentials file with a key to sign sessions")
	}
	if size > maxSessionGroups {
		return session.Cookie{}, fmt.Errorf("the mapped groups of this user take %d bytes, "+
			"more than the %d that a cookie can hold: map fewer of them", size, maxSessionGroups)
	}
	s := session.Session{
		User: p.Name, ID: session.NewID(), Login: now.Unix(), Method: p.Method, Groups: p.external.Groups,
		End: now.Add(life).Unix(),
	}
	return s.Issue(b.SessionKey(), now)
}

// RefuseExternal writes an audit line about an invalid external proof.
func (a *Authenticator) RefuseExternal(addr, method string, why error) {
	text := fmt.Errorf("%.160s", why.Error()) // it may come from an unauthenticated client
	a.audit.refused(method, addr, "", text)
}

func (a *Authenticator) refuseIdentity(addr, method string, id Identity, err error) error {
	a.audit.refused(method, addr, id.Name, err)
	if unmapped := (*UnmappedError)(nil); errors.As(err, &unmapped) {
		return unmapped
	}
	return ErrUnauthenticated
}
