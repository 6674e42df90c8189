package webauth

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/webui"
)

// MaxForm bounds a login, in bytes: the password has at most 1024, the address to go on to as many.
const MaxForm = 8 << 10

// passwordLogin logs users in by the form, and all users out.
type passwordLogin struct {
	auth        *auth.Authenticator // nil: authentication is off
	off         func() bool         // whether authentication is off
	proxies     trustedproxy.Proxies
	origins     origin.Checker
	cookies     cookies
	page        *loginPage
	loggedOut   func() // called after a logout
	bodyRefused func() // called for a body that is too large
}

// form answers with the form.
func (l *passwordLogin) form(c echo.Context) error {
	next := safeNext(c.QueryParam("next"))
	if l.off() {
		return c.Redirect(http.StatusSeeOther, "./"+next)
	}
	return l.page.show(c, http.StatusOK, webui.LoginForm{Next: next})
}

// login takes the form.
func (l *passwordLogin) login(c echo.Context) error {
	r := c.Request()
	if err := l.origins.RequireOwn(r); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(c.Response(), r.Body, MaxForm)
	if err := r.ParseForm(); err != nil {
		if large := new(http.MaxBytesError); errors.As(err, &large) {
			l.bodyRefused()
			return problem.Newf(http.StatusRequestEntityTooLarge, "the form is longer than %d bytes", MaxForm)
		}
		return problem.New(http.StatusBadRequest, "the form cannot be read")
	}
	f := webui.LoginForm{Next: safeNext(r.PostForm.Get("next")), User: r.PostForm.Get("user")}
	if l.off() {
		return c.Redirect(http.StatusSeeOther, "./"+f.Next)
	}
	password := secret.Text(r.PostForm.Get("password"))
	_, cookie, err := l.auth.Login(r.Context(), l.proxies.ClientAddr(r), f.User, password)
	if err != nil {
		return l.notLoggedIn(c, f, err)
	}
	l.cookies.begin(c, cookie)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, "./"+f.Next)
}

// notLoggedIn shows a browser the reason on the form. A program gets it as an error.
func (l *passwordLogin) notLoggedIn(c echo.Context, f webui.LoginForm, err error) error {
	if errors.Is(err, auth.ErrUnauthenticated) {
		err = &unauthenticatedError{errors.New("wrong user name or password")}
	}
	p, ok := problem.Described(err)
	if !ok || !origin.WantsPage(c.Request()) {
		return err
	}
	return l.page.showProblem(c, p, f)
}

// logout ends the session and its streams.
func (l *passwordLogin) logout(c echo.Context) error {
	if err := l.origins.RequireOwn(c.Request()); err != nil {
		return err
	}
	l.cookies.endSession(c)
	l.loggedOut()
	l.cookies.set(c, l.cookies.sessionName(c.Request()), expired())
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, "login")
}
