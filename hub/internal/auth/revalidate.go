package auth

import (
	"bytes"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
)

// Revalidate returns the current permissions of an authenticated principal.
// ok is false if its proof has expired or was revoked, or if its user was removed or has another password.
// A session also ends when the user's role changes.
func (a *Authenticator) Revalidate(p Principal, now time.Time) (current Principal, ok bool) {
	b := a.store.Snapshot()
	if !p.expires.IsZero() && !now.Before(p.expires) || a.sessionEnded(b, p) {
		return Principal{}, false
	}
	if p.external != nil {
		q, err := externalPrincipal(b, *p.external, p.Method)
		p.Set = q.Set
		return orNone(p, err == nil)
	}
	switch p.Method {
	case MethodNone:
		return orNone(p, b.AuthDisabled())
	case MethodLink:
		return orNone(p, bytes.Equal(p.key, b.LinkKey()))
	case MethodToken:
		u, enabled := b.User(p.Name)
		t, known := b.Token(p.token)
		p.Set = b.TokenPermissions(u, t)
		return orNone(p, enabled && known && t.Owner == p.Name)
	case MethodSession, MethodPassword:
		u, enabled := b.User(p.Name)
		p.Set = b.Permissions(u)
		return orNone(p, enabled && u.CredentialVersion() == p.credentialVersion)
	}
	return Principal{}, false
}

// sessionEnded reports whether p has come by a session that a logout or a new key has ended.
func (a *Authenticator) sessionEnded(b *credstore.Snapshot, p Principal) bool {
	return p.session != nil &&
		(!bytes.Equal(p.key, b.SessionKey()) || a.ended.Contains(endedsessions.Of(*p.session)))
}

func orNone(p Principal, ok bool) (Principal, bool) {
	if !ok {
		return Principal{}, false
	}
	return p, true
}
