package httpapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/sso"
	"github.com/bramble-cam/bramble/shared/secret"
)

// External are the ways in for people whom somebody else has identified.
type External struct {
	Proxy  *ProxyLogin   // nil: no headers count
	Bearer bearer        // checks bearer tokens that an identity provider has signed; nil: none count
	OIDC   *sso.Provider // where people log in; nil: nowhere but here
}

// bearer checks a signed bearer token and returns whom it names, and until when. The error is an *sso.UnavailableError
// if that cannot be found out now.
type bearer interface {
	Verify(ctx context.Context, token secret.Text) (access.Identity, time.Time, error)
	Close()
}

// IsZero reports whether there is no such way.
func (e External) IsZero() bool { return e.Proxy == nil && e.Bearer == nil && e.OIDC == nil }

// Close closes connections to identity providers.
func (e External) Close() {
	if e.Bearer != nil {
		e.Bearer.Close()
	}
	if e.OIDC != nil {
		e.OIDC.Close()
	}
}

// apiTokenMark begins the hub's own API tokens. No JWT begins so: its first part is a JSON object in base64.
const apiTokenMark = "bt_"

// bearerToken returns for whom a bearer token speaks.
func (s *Server) bearerToken(ctx context.Context, addr string, token secret.Text) (access.Principal, error) {
	if s.cfg.External.Bearer == nil || strings.HasPrefix(token.Reveal(), apiTokenMark) {
		return s.door.Token(addr, token)
	}
	id, expires, err := s.cfg.External.Bearer.Verify(ctx, token)
	if err != nil {
		s.door.RefuseExternal(addr, access.ByJWT, err)
		if unavailable := (*sso.UnavailableError)(nil); errors.As(err, &unavailable) {
			return access.Principal{}, err
		}
		return access.Principal{}, access.ErrRefused
	}
	return s.door.External(addr, access.ByJWT, id, expires)
}

// asStranger makes a refusal an answer that says how to show who one is.
func asStranger(err error) error {
	if errors.Is(err, access.ErrRefused) {
		return &strangerError{err}
	}
	return err
}
