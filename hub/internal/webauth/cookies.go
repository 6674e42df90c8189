package webauth

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/internal/secret"
)

// The names of the session cookie. Browsers accept the first only from the host itself, over TLS, and for all its
// paths. They accept the second over TLS only. An attacker can plant the third from another port of the host, from
// another path, or without TLS.
const (
	hostCookie    = "__Host-bramble_session"
	secureCookie  = "__Secure-bramble_session"
	sessionCookie = "bramble_session"
)

// maxCookies bounds how many session cookies are tried. Browsers keep fewer for a host.
const maxCookies = 200

// cookies are those of sessions and of logins in progress.
type cookies struct {
	auth    *auth.Authenticator // nil: authentication is off
	proxies trustedproxy.Proxies
}

// session returns the principal of a request's session. The first valid cookie counts, so that a planted cookie locks
// no user out.
func (k cookies) session(c echo.Context, addr string) (auth.Principal, error) {
	var refused error
	for _, cookie := range k.ofSessions(c.Request()) {
		p, renewed, err := k.auth.Session(addr, secret.Text(cookie.Value))
		if err != nil {
			refused = err
			continue
		}
		if renewed != nil {
			k.set(c, cookie.Name, *renewed)
		}
		return p, nil
	}
	return auth.Principal{}, &unauthenticatedError{refused}
}

// ofSessions returns the session cookies of a request, hardest to plant first. Over TLS the cookie without TLS is
// ignored, because anyone may have planted it.
func (k cookies) ofSessions(r *http.Request) (list []*http.Cookie) {
	names := []string{hostCookie, secureCookie}
	if !k.proxies.OverTLS(r) {
		names = append(names, sessionCookie)
	}
	for _, name := range names {
		list = append(list, r.CookiesNamed(name)...)
	}
	return list[:min(len(list), maxCookies)]
}

// endSession ends the sessions of all cookies of a request, and makes the browser delete these cookies.
func (k cookies) endSession(c echo.Context) {
	if k.auth == nil {
		return
	}
	r := c.Request()
	for _, name := range []string{hostCookie, secureCookie, sessionCookie} {
		cookies := r.CookiesNamed(name)
		for _, cookie := range cookies[:min(len(cookies), maxCookies)] {
			k.auth.Logout(k.proxies.ClientAddr(r), secret.Text(cookie.Value))
		}
		if len(cookies) > 0 && name != k.sessionName(r) {
			k.set(c, name, expired())
		}
	}
}

// sessionName returns the cookie name for a new session.
func (k cookies) sessionName(r *http.Request) string {
	switch {
	case !k.proxies.OverTLS(r):
		return sessionCookie
	case k.proxies.Prefix(r) != "": // the cookie is for that path only
		return secureCookie
	}
	return hostCookie
}

// set gives a browser a cookie, for the hub's part of the host only, and not for scripts.
func (k cookies) set(c echo.Context, name string, cookie session.Cookie) {
	path := k.proxies.Prefix(c.Request()) + "/"
	if name == hostCookie {
		path = "/"
	}
	c.SetCookie(&http.Cookie{ //nolint:gosec // Secure depends on the name: without TLS a browser refuses it
		Name: name, Value: cookie.Value.Reveal(), Path: path, Expires: cookie.Expires,
		Secure: strings.HasPrefix(name, "__"), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// attemptName returns the cookie name of a login in progress. It is as hard to plant as a session's.
func (k cookies) attemptName(r *http.Request) string {
	return strings.Replace(k.sessionName(r), "_session", "_login", 1)
}

// begin replaces the sessions of a request by a new one. Another port of the host may have planted the previous ones.
func (k cookies) begin(c echo.Context, cookie session.Cookie) {
	k.endSession(c)
	k.set(c, k.sessionName(c.Request()), cookie)
}

// expired returns the cookie that makes a browser delete it.
func expired() session.Cookie { return session.Cookie{Expires: time.Unix(1, 0)} }
