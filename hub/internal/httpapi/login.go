package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/webui"
)

// maxForm bounds a login, in bytes: the password has at most 1024, the address to go on to as many.
const maxForm = 8 << 10

// maxNext bounds the address to go on to after the login, in bytes.
const maxNext = 1024

// loginPage answers with the form.
func (s *Server) loginPage(c echo.Context) error {
	next := safeNext(c.QueryParam("next"))
	if s.door.open() {
		return c.Redirect(http.StatusSeeOther, "./"+next)
	}
	return s.form(c, http.StatusOK, webui.LoginForm{Next: next})
}

func (s *Server) form(c echo.Context, status int, f webui.LoginForm) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.HTMLBlob(status, s.site.login.Render(s.loginForm(f)))
}

// login takes the form.
func (s *Server) login(c echo.Context) error {
	r := c.Request()
	if err := s.origin().RequireOwn(r); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if large := new(http.MaxBytesError); errors.As(err, &large) {
			s.refused.body.Add(1)
			return problem.Newf(http.StatusRequestEntityTooLarge, "the form is longer than %d bytes", maxForm)
		}
		return problem.New(http.StatusBadRequest, "the form cannot be read")
	}
	f := webui.LoginForm{Next: safeNext(r.PostForm.Get("next")), User: r.PostForm.Get("user")}
	if s.door.open() {
		return c.Redirect(http.StatusSeeOther, "./"+f.Next)
	}
	_, cookie, err := s.door.Login(r.Context(), s.cfg.Proxies.ClientAddr(r), f.User, secret.Text(r.PostForm.Get("password")))
	if err != nil {
		return s.notLoggedIn(c, f, err)
	}
	s.endSession(c) // of before: a cookie that somebody else may have put there is no good any more
	s.setCookie(c, s.cookieName(r), cookie)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, "./"+f.Next)
}

// notLoggedIn says why: on the form to a browser.
func (s *Server) notLoggedIn(c echo.Context, f webui.LoginForm, err error) error {
	if errors.Is(err, access.ErrUnauthenticated) {
		err = &strangerError{errors.New("user name or password is wrong")}
	}
	p, ok := problem.Described(err)
	if !ok || !origin.WantsPage(c.Request()) {
		return err
	}
	f.Problem = strings.ToUpper(p.Detail[:1]) + p.Detail[1:] + "."
	setRetryAfter(c, p)
	return s.form(c, p.Status, f)
}

// logout ends the session, and with it what runs in it.
func (s *Server) logout(c echo.Context) error {
	if err := s.origin().RequireOwn(c.Request()); err != nil {
		return err
	}
	s.endSession(c)
	s.tracker.Revalidate()
	s.setCookie(c, s.cookieName(c.Request()), access.Cookie{Expires: time.Unix(1, 0)})
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, "login")
}

// safeNext returns an address below the hub's root to go on to after the login, without the slash at its beginning, or "": never another host's.
func safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || len(next) > maxNext || u.Scheme != "" || u.Host != "" || u.User != nil || strings.HasPrefix(next, "/") || strings.ContainsFunc(next, unsafeInNext) ||
		strings.Contains(u.Path, "..") || strings.HasPrefix(u.Path, "/") {
		return ""
	}
	return next
}

// unsafeInNext reports whether browsers read a character as something else, or drop it.
func unsafeInNext(c rune) bool { return c <= ' ' || c == '\\' || c >= 0x7f }

// toLogin sends a browser to the login page, and from there back to what it wanted. Addresses are relative, since a proxy may serve the hub below a path.
func toLogin(c echo.Context) error {
	u := *c.Request().URL
	query := u.Query()
	query.Del(access.LinkParameter) // one that is no good, and a secret all the same
	u.RawQuery = query.Encode()
	path := strings.TrimPrefix(u.EscapedPath(), "/")
	next := path
	if u.RawQuery != "" {
		next += "?" + u.RawQuery
	}
	to := strings.Repeat("../", strings.Count(path, "/")) + "login"
	if next = safeNext(next); next != "" {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, to)
}

// meJSON is who asks. docs/ref/http.md describes it.
type meJSON struct {
	Name string      `json:"name"`
	Role access.Role `json:"role"`
	Open bool        `json:"open"`

	LogoutURL string `json:"logout_url,omitempty"` // ends the login at the proxy or provider
}

// me answers with who asks.
func (s *Server) me(c echo.Context) error {
	p := who(c)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, meJSON{p.Name, p.Role, p.Method == access.MethodNone, s.logoutURL(c, p)})
}
