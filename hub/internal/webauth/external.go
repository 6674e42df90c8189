package webauth

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/sso"
	"github.com/bramble-cam/bramble/internal/secret"
)

// External are the logins at a proxy or an identity provider.
type External struct {
	Proxy  *ProxyLogin    // nil: headers are ignored
	Bearer BearerVerifier // checks bearer tokens of an identity provider; nil: none are accepted
	OIDC   *sso.Provider  // the identity provider for logins; nil: none
}

// BearerVerifier checks a signed bearer token. It returns the identity in it, and when it expires. The error is an
// *sso.UnavailableError if the token cannot be checked now.
type BearerVerifier interface {
	Verify(ctx context.Context, token secret.Text) (auth.Identity, time.Time, error)
	Close()
}

// IsZero reports whether none is configured.
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

// apiTokenMark begins the hub's own API tokens. A JWT never begins with it: its first part is a JSON object in base64.
const apiTokenMark = "bt_"

// bearerTokens authenticates by the hub's own API tokens and those of an identity provider.
type bearerTokens struct {
	auth     *auth.Authenticator
	verifier BearerVerifier // nil: none but the hub's own are accepted
}

// principal returns the principal of a bearer token.
func (b bearerTokens) principal(ctx context.Context, addr string, token secret.Text) (auth.Principal, error) {
	if b.verifier == nil || strings.HasPrefix(token.Reveal(), apiTokenMark) {
		return b.auth.Token(addr, token)
	}
	id, expires, err := b.verifier.Verify(ctx, token)
	if err != nil {
		b.auth.RefuseExternal(addr, auth.MethodJWT, err)
		if unavailable := (*sso.UnavailableError)(nil); errors.As(err, &unavailable) {
			return auth.Principal{}, err
		}
		return auth.Principal{}, auth.ErrUnauthenticated
	}
	return b.auth.External(addr, auth.MethodJWT, id, expires)
}
