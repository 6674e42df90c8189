package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/shared/secret"
)

// headerProxySecret is where a proxy shows that it is the one whose word about a person counts.
const headerProxySecret = "X-Bramble-Proxy-Secret"

// ProxyLogin says how a trusted reverse proxy tells the hub whom it has let in.
type ProxyLogin struct {
	UserHeader   string
	GroupsHeader string      // "" for none
	Secret       secret.Text // that the proxy shows; "" means that its address is enough
	LogoutURL    string      // where a person ends the login at the proxy; "" for nowhere
}

// fromProxy returns whom a trusted proxy has let in with this request. known is false if it says nothing, or if its
// word does not count: then the usual ways are open.
func (s *Server) fromProxy(r *http.Request, addr string) (p access.Principal, known bool, err error) {
	cfg := s.cfg.External.Proxy
	if cfg == nil || !s.fromTrustedProxy(r) {
		return p, false, nil
	}
	users := r.Header.Values(cfg.UserHeader)
	if len(users) == 0 || len(users) == 1 && namesNobody(users[0]) {
		return p, false, nil
	}
	if !cfg.secretShown(r) {
		s.door.RefuseExternal(addr, access.ByProxy, errors.New("the proxy names a user and does not show the right secret in "+headerProxySecret))
		return p, false, nil
	}
	groups, err := cfg.groups(r)
	if len(users) > 1 {
		err = errors.New("the proxy names more than one user: it must replace the header that the client sends")
	}
	if err != nil {
		s.door.RefuseExternal(addr, access.ByProxy, err)
		return p, true, &strangerError{err}
	}
	id := access.Identity{Name: users[0], Groups: groups}
	p, err = s.door.External(addr, access.ByProxy, id, time.Now().Add(access.ProxyLife))
	return p, true, asStranger(err)
}

// namesNobody reports whether a header stands for no user: a proxy that lets a request pass without a login sends it
// empty, Apache as (null), and Caddy 2.6 with the name of the variable that it should hold.
func namesNobody(user string) bool {
	return user == "" || user == "(null)" || strings.HasPrefix(user, "{") && strings.HasSuffix(user, "}")
}

// secretShown reports whether the request shows the secret, once. Comparing takes the same time whatever is shown.
func (l *ProxyLogin) secretShown(r *http.Request) bool {
	if l.Secret == "" {
		return true
	}
	shown := r.Header.Values(headerProxySecret)
	if len(shown) != 1 {
		return false
	}
	got, want := sha256.Sum256([]byte(shown[0])), sha256.Sum256([]byte(l.Secret.Reveal()))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// groups returns the groups that a proxy names: separated by commas, as Authelia and oauth2-proxy do it, or by |, as
// Authentik does.
func (l *ProxyLogin) groups(r *http.Request) (groups []string, err error) {
	if l.GroupsHeader == "" {
		return nil, nil
	}
	values := r.Header.Values(l.GroupsHeader)
	if len(values) > 1 {
		return nil, errors.New("the proxy sends the header with the groups more than once: it must replace the one that the client sends")
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
