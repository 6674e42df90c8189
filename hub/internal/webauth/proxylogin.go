package webauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/internal/secret"
)

// HeaderProxySecret is the header in which a proxy proves that it may name users.
const HeaderProxySecret = "X-Bramble-Proxy-Secret" //nolint:gosec // the name of a header

// ProxyLogin says how a trusted reverse proxy names the user who logged in there.
type ProxyLogin struct {
	UserHeader   string
	GroupsHeader string      // "" for none
	Secret       secret.Text // that the proxy sends; "" means that its address suffices
	LogoutURL    string      // ends the login at the proxy; "" for none
}

// proxyUsers authenticates by what a trusted reverse proxy says.
type proxyUsers struct {
	login   *ProxyLogin // nil: headers are ignored
	auth    *auth.Authenticator
	proxies trustedproxy.Proxies
}

// principal returns the principal that a trusted proxy names in this request. known is false if it names no user, or
// may not name one. Then the other kinds of login apply.
func (u proxyUsers) principal(r *http.Request, addr string) (p auth.Principal, known bool, err error) {
	cfg := u.login
	if cfg == nil || !u.proxies.Sent(r) {
		return p, false, nil
	}
	users := r.Header.Values(cfg.UserHeader)
	if len(users) == 0 || len(users) == 1 && isNoUser(users[0]) {
		return p, false, nil
	}
	if !cfg.secretShown(r) {
		err := errors.New("the proxy names a user but does not send the right secret in " + HeaderProxySecret)
		u.auth.RefuseExternal(addr, auth.MethodProxy, err)
		return p, false, nil
	}
	groups, err := cfg.groups(r)
	if len(users) > 1 {
		err = errors.New("the proxy names more than one user: it must replace the header that the client sends")
	}
	if err != nil {
		u.auth.RefuseExternal(addr, auth.MethodProxy, err)
		return p, true, &unauthenticatedError{err}
	}
	id := auth.Identity{Name: users[0], Groups: groups}
	p, err = u.auth.External(addr, auth.MethodProxy, id, time.Now().Add(auth.ProxyLife))
	return p, true, asUnauthenticated(err)
}

// isNoUser reports whether a header stands for no user. A proxy that passes a request without a login sends it
// empty. Apache sends (null), and Caddy 2.6 the name of the variable.
func isNoUser(user string) bool {
	return user == "" || user == "(null)" || strings.HasPrefix(user, "{") && strings.HasSuffix(user, "}")
}

// secretShown reports whether the request has the secret, exactly once. The comparison takes constant time.
func (l *ProxyLogin) secretShown(r *http.Request) bool {
	if l.Secret == "" {
		return true
	}
	shown := r.Header.Values(HeaderProxySecret)
	if len(shown) != 1 {
		return false
	}
	got, want := sha256.Sum256([]byte(shown[0])), sha256.Sum256([]byte(l.Secret.Reveal()))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// groups returns the groups that a proxy names. Authelia and oauth2-proxy separate them by commas, Authentik by |.
func (l *ProxyLogin) groups(r *http.Request) (groups []string, err error) {
	if l.GroupsHeader == "" {
		return nil, nil
	}
	values := r.Header.Values(l.GroupsHeader)
	if len(values) > 1 {
		return nil, errors.New(
			"the proxy sends the header with the groups more than once: it must replace the one that the client sends")
	}
	for _, value := range values {
		for _, g := range strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == '|' }) {
			if g = strings.TrimSpace(g); g != "" {
				groups = append(groups, g)
			}
		}
	}
	return groups, nil
}
