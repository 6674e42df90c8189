package webauth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/webui"
)

// MaxForm bounds a login, in bytes: the password has at most 1024, the address to go on to as many.
const MaxForm = 8 << 10

// maxNext bounds the address to go on to after the login, in bytes.
const maxNext = 1024

// loginPage answers with the form.
func (a *Auth) loginPage(c echo.Context) error {
	next := safeNext(c.QueryParam("next"))
	if a.Off() {
		return c.Redirect(http.StatusSeeOther, "./"+next)
	}
	return a.form(c, http.StatusOK, webui.LoginForm{Next: next})
}

func (a *Auth) form(c echo.Context, status int, f webui.LoginForm) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.HTMLBlob(status, a.cfg.Page.Render(a.loginForm(f)))
}

// login takes the form.
func (a *Auth) login(c echo.Context) error {
	r := c.Request()
	if err := a.cfg.Origins.RequireOwn(r); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(c.Response(), r.Body, MaxForm)
	if err := r.ParseForm(); err != nil {
		if large := new(http.MaxBytesError); errors.As(err, &large) {
			a.cfg.BodyRefused()
			return problem.Newf(http.StatusRequestEntityTooLarge, "the form is longer than %d bytes", MaxForm)
		}
		return problem.New(http.StatusBadRequest, "the form cannot be read")
	}
	f := webui.LoginForm{Next: safeNext(r.PostForm.Get("next")), User: r.PostForm.Get("user")}
	if a.Off() {
		return c.Redirect(http.StatusSeeOther, "./"+f.Next)
	}
	_, cookie, err := a.cfg.Authenticator.Login(r.Context(), a.cfg.Proxies.ClientAddr(r), f.User, secret.Text(r.PostForm.Get("password")))
	if err != nil {
		return a.notLoggedIn(c, f, err)
	}
	a.endSession(c) // the previous one, which another port of the host may have planted
	a.setCookie(c, a.cookieName(r), cookie)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, "./"+f.Next)
}

// notLoggedIn says why: on the form to a browser.
func (a *Auth) notLoggedIn(c echo.Context, f webui.LoginForm, err error) error {
	if errors.Is(err, auth.ErrUnauthenticated) {
		err = &unauthenticatedError{errors.New("user name or password is wrong")}
	}
	p, ok := problem.Described(err)
	if !ok || !origin.WantsPage(c.Request()) {
		return err
	}
	f.Problem = strings.ToUpper(p.Detail[:1]) + p.Detail[1:] + "."
	p.SetRetryAfter(c.Response().Header())
	return a.form(c, p.Status, f)
}

// logout ends the session, and with it what runs in it.
func (a *Auth) logout(c echo.Context) error {
	if err := a.cfg.Origins.RequireOwn(c.Request()); err != nil {
		return err
	}
	a.endSession(c)
	a.cfg.LoggedOut()
	a.setCookie(c, a.cookieName(c.Request()), session.Cookie{Expires: time.Unix(1, 0)})
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

// RedirectToLogin sends a browser to the login page, and from there back to what it wanted. Addresses are relative, since a proxy may serve the hub below a path.
func RedirectToLogin(c echo.Context) error {
	u := *c.Request().URL
	query := u.Query()
	query.Del(signedlink.Parameter) // one that is no good, and a secret all the same
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
