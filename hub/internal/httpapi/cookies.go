package httpapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/shared/secret"
)

// The names of the session cookie. Browsers take the first from the very host over TLS only, for all its paths, and the
// second over TLS only. Everybody who can have the browser load something from the host can set the third: from another
// port of it, below another path, without TLS.
const (
	hostCookie    = "__Host-bramble_session"
	secureCookie  = "__Secure-bramble_session"
	sessionCookie = "bramble_session"
)

// maxCookies bounds the session cookies that are tried. It is more than browsers keep for a host.
const maxCookies = 200

// sessionOf returns whose session a request belongs to. Of several cookies the first good one counts: one that
// somebody else has planted locks nobody out.
func (s *Server) sessionOf(c echo.Context, addr string) (access.Principal, error) {
	var refused error
	for _, cookie := range s.sessionCookies(c.Request()) {
		p, renewed, err := s.door.Session(addr, secret.Text(cookie.Value))
		if err != nil {
			refused = err
			continue
		}
		if renewed != nil {
			s.setCookie(c, cookie.Name, *renewed)
		}
		return p, nil
	}
	return access.Principal{}, &strangerError{refused}
}

// sessionCookies returns the session cookies of a request, those first that are hardest to plant. Over TLS there is
// no session without TLS: that cookie may be anybody's.
func (s *Server) sessionCookies(r *http.Request) (list []*http.Cookie) {
	names := []string{hostCookie, secureCookie}
	if !s.overTLS(r) {
		names = append(names, sessionCookie)
	}
	for _, name := range names {
		list = append(list, r.CookiesNamed(name)...)
	}
	return list[:min(len(list), maxCookies)]
}

// endSession ends the sessions of all cookies that a request has, and has the browser forget these.
func (s *Server) endSession(c echo.Context) {
	if s.door == nil {
		return
	}
	r := c.Request()
	for _, name := range []string{hostCookie, secureCookie, sessionCookie} {
		cookies := r.CookiesNamed(name)
		for _, cookie := range cookies[:min(len(cookies), maxCookies)] {
			s.door.Logout(s.addressOf(r), secret.Text(cookie.Value))
		}
		if len(cookies) > 0 && name != s.cookieName(r) {
			s.setCookie(c, name, access.Cookie{Expires: time.Unix(1, 0)})
		}
	}
}

// cookieName returns the name of the cookie for a session that begins.
func (s *Server) cookieName(r *http.Request) string {
	switch {
	case !s.overTLS(r):
		return sessionCookie
	case s.prefixOf(r) != "": // the cookie is for that path only
		return secureCookie
	}
	return hostCookie
}

// setCookie gives a browser its session: for the hub's part of the host only, and not for scripts.
func (s *Server) setCookie(c echo.Context, name string, cookie access.Cookie) {
	path := s.prefixOf(c.Request()) + "/"
	if name == hostCookie {
		path = "/"
	}
	c.SetCookie(&http.Cookie{
		Name: name, Value: cookie.Value.Reveal(), Path: path, Expires: cookie.Expires,
		Secure: strings.HasPrefix(name, "__"), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
