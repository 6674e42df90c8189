package access

import (
	"bytes"
	"time"
)

// Revalidate returns what somebody may do now who came in a while ago, or false if he has to leave: the proof has expired, was revoked, or its user has gone or
// has another password. Who came by a session leaves when its role changes, too.
func (d *Authenticator) Revalidate(p Principal, now time.Time) (Principal, bool) {
	b := d.store.Snapshot()
	if !p.expires.IsZero() && !now.Before(p.expires) {
		return Principal{}, false
	}
	if p.external != nil {
		return d.revalidateExternal(b, p)
	}
	switch p.Method {
	case MethodNone:
		return p, b.Open()
	case MethodLink:
		return p, bytes.Equal(p.key, b.linkKey)
	case MethodToken:
		u, ok := b.user(p.Name)
		t, known := b.tokens[p.token]
		if !ok || !known || t.Owner != p.Name {
			return Principal{}, false
		}
		p.Role, p.grants = u.Role, b.grants[u.Name]
		return b.narrow(p, t), true
	case MethodSession, MethodPassword:
		u, ok := b.user(p.Name)
		if !ok || u.generation() != p.generation ||
			p.session != nil && (!bytes.Equal(p.key, b.sessionKey) || d.sessions.past.has(p.session.past())) {
			return Principal{}, false
		}
		p.grants = b.grants[u.Name]
		return p, true
	}
	return Principal{}, false
}
