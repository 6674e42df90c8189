package access

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How somebody else has proved who a person is.
const (
	ByProxy = "proxy" // headers of a trusted reverse proxy
	ByJWT   = "jwt"   // a bearer token of an identity provider
	ByOIDC  = "oidc"  // a login at an identity provider
)

const (
	// maxExternalGroups bounds the groups of a person that are read.
	maxExternalGroups = 1000

	// maxSessionGroups bounds what a session cookie holds of them, in bytes.
	maxSessionGroups = 2048

	// ProxyLife bounds what runs for somebody whom a proxy has identified: the proxy cannot be asked again.
	ProxyLife = 24 * time.Hour
)

// Identity is who a person is, in the words of a proxy or of an identity provider.
type Identity struct {
	Name   string
	Groups []string
}

// UnmappedError says that a person is known, and that no mapping gives that person anything.
type UnmappedError struct{ Name string }

func (e *UnmappedError) Error() string {
	return fmt.Sprintf("you are %s, and this hub gives you no camera: ask those who run it for "+
		"\"bramble-hub mapping add\" with your name or one of your groups", e.Name)
}

func (id Identity) validate() error {
	if len(id.Groups) > maxExternalGroups {
		return fmt.Errorf("there are %d groups, more than %d: let the provider send those only that the hub needs",
			len(id.Groups), maxExternalGroups)
	}
	return validateExternal("user", id.Name)
}

// external returns what the mappings give to a person. What several of them give adds up.
func (b *Book) external(id Identity, by string) (Principal, error) {
	if err := id.validate(); err != nil {
		return Principal{}, err
	}
	if u, exists := b.users[id.Name]; exists && !u.Enabled {
		return Principal{}, errors.New("the credentials file has a user of this name who is disabled")
	}
	p := Principal{Name: id.Name, By: by, external: &Identity{Name: id.Name}}
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

// mapped returns those of a person's groups that a mapping names.
func (b *Book) mapped(groups []string) (mapped []string) {
	for _, m := range b.doc.Mappings {
		if group, ok := strings.CutPrefix(m.Who, mapsGroup); ok && slices.Contains(groups, group) {
			mapped = append(mapped, group)
		}
	}
	return mapped
}

// External returns what a person may do whom somebody else has identified, until expires. The error is ErrRefused or
// an *UnmappedError.
func (d *Door) External(addr, by string, id Identity, expires time.Time) (Principal, error) {
	p, err := d.keeper.Book().external(id, by)
	if err != nil {
		return Principal{}, d.refuseExternal(addr, by, id, err)
	}
	p.expires = expires
	d.used("identity accepted", by, p.Name, "", addr, "role", p.Role)
	return p, nil
}

// LoginExternal begins a session of such a person, which ends after life however busy it is. The errors are those of
// External.
func (d *Door) LoginExternal(addr, by string, id Identity, life time.Duration) (Cookie, error) {
	b := d.keeper.Book()
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

// RefuseExternal keeps an audit line of a proof by somebody else that is no good.
func (d *Door) RefuseExternal(addr, by string, why error) {
	d.refuse(by, addr, "", fmt.Errorf("%.160s", why.Error())) // the words may be a stranger's
}

func (d *Door) refuseExternal(addr, by string, id Identity, err error) error {
	d.refuse(by, addr, id.Name, err)
	if unmapped := (*UnmappedError)(nil); errors.As(err, &unmapped) {
		return unmapped
	}
	return ErrRefused
}

// beginExternal returns the cookie of a new session. It holds the groups that a mapping names, so that a change of the
// mappings counts at once.
func (s *sessions) beginExternal(b *Book, p Principal, life time.Duration, now time.Time) (Cookie, error) {
	size := 0
	for _, g := range p.external.Groups {
		size += len(g)
	}
	if b.sessionKey == nil {
		return Cookie{}, errors.New("there is no credentials file with a key that signs sessions")
	}
	if size > maxSessionGroups {
		return Cookie{}, fmt.Errorf("mappings name %d bytes of this user's groups, more than the %d that a cookie can hold: "+
			"map fewer of them", size, maxSessionGroups)
	}
	return b.issue(session{
		User: p.Name, ID: newSessionID(), Login: now.Unix(), Method: p.By, Groups: p.external.Groups, End: now.Add(life).Unix(),
	}, now)
}

// ofSession returns whose session a cookie belongs to, or an error that says why it has ended.
func (b *Book) ofSession(c session) (Principal, error) {
	if c.Method != "" {
		p, err := b.external(Identity{c.User, c.Groups}, BySession)
		p.Method = c.Method
		return p, err
	}
	u, ok := b.user(c.User)
	if !ok || u.generation() != c.Generation {
		return Principal{}, errors.New("the session has ended, since the user's password or role was changed")
	}
	return b.principal(u, BySession), nil
}

// againExternal is Again for those whom somebody else has identified.
func (d *Door) againExternal(b *Book, p Principal) (Principal, bool) {
	if p.session != nil && (!bytes.Equal(p.key, b.sessionKey) || d.sessions.past.has(p.session.past())) {
		return Principal{}, false
	}
	now, err := b.external(*p.external, p.By)
	if err != nil {
		return Principal{}, false
	}
	p.Role, p.grants = now.Role, now.grants
	return p, true
}
