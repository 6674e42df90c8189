package auth

import (
	"errors"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/internal/secret"
)

// Session returns the principal of a session cookie, or ErrUnauthenticated.
// If there is a renewed cookie, it should take the place of the old one.
func (a *Authenticator) Session(addr string, cookie secret.Text) (p Principal, renewed *session.Cookie, err error) {
	p, renewed, err = a.checkSession(a.store.Snapshot(), cookie, time.Now())
	if err != nil {
		a.audit.refused(MethodSession, addr, "", err)
		return Principal{}, nil, ErrUnauthenticated
	}
	return p, renewed, nil
}

func (a *Authenticator) checkSession(
	b *credstore.Snapshot, cookie secret.Text, now time.Time,
) (p Principal, renewed *session.Cookie, err error) {
	s, err := session.Parse(b.SessionKey(), cookie)
	if err != nil {
		return p, nil, err
	}
	switch {
	case now.Unix() >= s.Expires:
		return p, nil, errors.New("the session has expired")
	case a.ended.Contains(endedsessions.Of(s)):
		return p, nil, errors.New("the session has ended by a logout")
	}
	if p, err = sessionPrincipal(b, s); err != nil {
		return p, nil, err
	}
	if renewed, err = s.Renew(b.SessionKey(), now); err != nil {
		return p, nil, err
	}
	p.session, p.key, p.expires = &s, b.SessionKey(), time.Unix(s.Expires, 0)
	return p, renewed, nil
}

// sessionPrincipal returns the principal of a session, or an error that says why the session has ended.
func sessionPrincipal(b *credstore.Snapshot, s session.Session) (Principal, error) {
	if s.Method != "" {
		p, err := externalPrincipal(b, Identity{s.User, s.Groups}, MethodSession)
		p.LoginMethod = s.Method
		return p, err
	}
	u, ok := b.User(s.User)
	if !ok || u.CredentialVersion() != s.CredentialVersion {
		return Principal{}, errors.New("the session has ended because the user's password or role was changed")
	}
	return userPrincipal(b, u, MethodSession), nil
}

// Logout ends the session of a cookie, with all its cookies. An invalid cookie has no session.
// Once it has returned, a restart of the hub does not undo it.
func (a *Authenticator) Logout(addr string, cookie secret.Text) {
	s, err := session.Parse(a.store.Snapshot().SessionKey(), cookie)
	if err != nil {
		return
	}
	a.ended.End(endedsessions.Of(s))
	a.audit.accepted("logout", "logout", s.User, "user", s.User, "address", addr)
}
