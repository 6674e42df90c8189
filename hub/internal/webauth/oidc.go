package webauth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/hub/internal/sso"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/webui"
)

const (
	// maxAttempt bounds the cookie of a login in progress, in bytes.
	maxAttempt = 3000

	// maxAttempts bounds how many such cookies of a request are read, because another port of the host may have planted
	// some.
	maxAttempts = 20
)

// oidcLogin logs users in at an identity provider.
type oidcLogin struct {
	provider *sso.Provider // nil: none
	auth     *auth.Authenticator
	proxies  trustedproxy.Proxies
	cookies  cookies
	page     *loginPage
}

// begin redirects a browser to the identity provider. A cookie keeps the values that the browser must bring back.
func (o *oidcLogin) begin(c echo.Context) error {
	p := o.provider
	if p == nil {
		return echo.ErrNotFound
	}
	attempt, to, err := p.Begin(c.Request().Context(), safeNext(c.QueryParam("next")), time.Now())
	if err != nil {
		return o.notLoggedIn(c, err)
	}
	text, err := json.Marshal(attempt)
	if err != nil {
		return err
	}
	value := secret.Text(base64.RawURLEncoding.EncodeToString(text))
	o.cookies.set(c, o.cookies.attemptName(c.Request()),
		session.Cookie{Value: value, Expires: time.Unix(attempt.Expires, 0)})
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, to)
}

// finish begins a session for the user that the provider names, and redirects to the page that asked for the login.
func (o *oidcLogin) finish(c echo.Context) error {
	p := o.provider
	if p == nil {
		return echo.ErrNotFound
	}
	r := c.Request()
	back := r.URL.Query()
	attempt := o.attemptOf(r, back.Get("state"))
	o.cookies.set(c, o.cookies.attemptName(r), expired()) // it is valid once
	id, err := p.Finish(r.Context(), attempt, back, time.Now())
	if err != nil {
		return o.notLoggedIn(c, err)
	}
	cookie, err := o.auth.LoginExternal(o.proxies.ClientAddr(r), auth.MethodOIDC, id, p.SessionLife())
	if err != nil {
		return o.notLoggedIn(c, asUnauthenticated(err))
	}
	o.cookies.begin(c, cookie)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, "../../"+safeNext(attempt.Next))
}

// notLoggedIn shows the reason on the login page, from which the user can try again.
func (o *oidcLogin) notLoggedIn(c echo.Context, err error) error {
	p, known := problem.Described(err)
	if !known {
		detail := "the login at " + o.provider.Label() + " failed: " + err.Error()
		p = problem.Problem{Status: http.StatusUnauthorized, Detail: detail}
	}
	// The two exempt errors are in the audit log already.
	if unmapped := (*auth.UnmappedError)(nil); !errors.As(err, &unmapped) && !errors.Is(err, auth.ErrUnauthenticated) {
		o.auth.RefuseExternal(o.proxies.ClientAddr(c.Request()), auth.MethodOIDC, err)
	}
	root := strings.Repeat("../", strings.Count(c.Path(), "/")-1)
	return o.page.showProblem(c, p, webui.LoginForm{ProviderFailed: true, Root: root})
}

// attemptOf returns this browser's login in progress with a state, or the zero value.
func (o *oidcLogin) attemptOf(r *http.Request, state string) sso.Attempt {
	cookies := r.CookiesNamed(o.cookies.attemptName(r))
	for _, cookie := range cookies[:min(len(cookies), maxAttempts)] {
		text, err := base64.RawURLEncoding.DecodeString(cookie.Value)
		if err != nil || len(text) > maxAttempt {
			continue
		}
		var a sso.Attempt
		if json.Unmarshal(text, &a) == nil && a.State == state {
			return a
		}
	}
	return sso.Attempt{}
}
