package webauth

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/session"
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

// sessionOf returns the principal of a request's session. The first valid cookie counts, so that a planted cookie locks
// no user out.
func (a *Auth) sessionOf(c echo.Context, addr string) (auth.Principal, error) {
	var refused error
	for _, cookie := range a.sessionCookies(c.Request()) {
		p, renewed, err := a.cfg.Authenticator.Session(addr, secret.Text(cookie.Value))
		if err != nil {
			refused = err
			continue
		}
		if renewed != nil {
			a.setCookie(c, cookie.Name, *renewed)
		}
		return p, nil
	}
	return auth.Principal{}, &unauthenticatedError{refused}
}

// sessionCookies returns the session cookies of a request, hardest to plant first. Over TLS the cookie without TLS is
// ignored, because anyone may have planted it.
func (a *Auth) sessionCookies(r *http.Request) (list []*http.Cookie) {
	names := []string{hostCookie, secureCookie}
	if !a.cfg.Proxies.OverTLS(r) {
		names = append(names, sessionCookie)
	}
	for _, name := range names {
		list = append(list, r.CookiesNamed(name)...)
	}
	return list[:min(len(list), maxCookies)]
}

// endSession ends the sessions of all cookies of a request, and makes the browser delete these cookies.
func (a *Auth) endSession(c echo.Context) {
	if a.cfg.Authenticator == nil {
		return
	}
	r := c.Request()
	for _, name := range []string{hostCookie, secureCookie, sessionCookie} {
		cookies := r.CookiesNamed(name)
		for _, cookie := range cookies[:min(len(cookies), maxCookies)] {
			a.cfg.Authenticator.Logout(a.cfg.Proxies.ClientAddr(r), secret.Text(cookie.Value))
		}
		if len(cookies) > 0 && name != a.cookieName(r) {
			a.setCookie(c, name, session.Cookie{Expires: time.Unix(1, 0)})
		}
	}
}

// cookieName returns the cookie name for a new session.
func (a *Auth) cookieName(r *http.Request) string {
	switch {
	case !a.cfg.Proxies.OverTLS(r):
		return sessionCookie
	case a.cfg.Proxies.Prefix(r) != "": // the cookie is for that path only
		return secureCookie
	}
	return hostCookie
}

// setCookie gives a browser its session, for the hub's part of the host only, and not for scripts.
func (a *Auth) setCookie(c echo.Context, name string, cookie session.Cookie) {
	path := a.cfg.Proxies.Prefix(c.Request()) + "/"
	if name == hostCookie {
		path = "/"
	}
	c.SetCookie(&http.Cookie{
		Name: name, Value: cookie.Value.Reveal(), Path: path, Expires: cookie.Expires,
		Secure: strings.HasPrefix(name, "__"), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
