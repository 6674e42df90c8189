package webauth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/hub/internal/sso"
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

// beginOIDC redirects a browser to the identity provider. A cookie keeps the values that the browser must bring back.
func (a *Auth) beginOIDC(c echo.Context) error {
	p := a.cfg.External.OIDC
	if p == nil {
		return echo.ErrNotFound
	}
	attempt, to, err := p.Begin(c.Request().Context(), safeNext(c.QueryParam("next")), time.Now())
	if err != nil {
		return a.notLoggedInElsewhere(c, err)
	}
	text, err := json.Marshal(attempt)
	if err != nil {
		return err
	}
	value := secret.Text(base64.RawURLEncoding.EncodeToString(text))
	a.setAttempt(c, session.Cookie{Value: value, Expires: time.Unix(attempt.Expires, 0)})
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, to)
}

// finishOIDC begins a session for the user that the provider names, and redirects to the page that asked for the login.
func (a *Auth) finishOIDC(c echo.Context) error {
	p := a.cfg.External.OIDC
	if p == nil {
		return echo.ErrNotFound
	}
	r := c.Request()
	back := r.URL.Query()
	attempt := a.attemptOf(r, back.Get("state"))
	a.setAttempt(c, session.Cookie{Expires: time.Unix(1, 0)}) // it is valid once
	id, err := p.Finish(r.Context(), attempt, back, time.Now())
	if err != nil {
		return a.notLoggedInElsewhere(c, err)
	}
	cookie, err := a.cfg.Authenticator.LoginExternal(a.cfg.Proxies.ClientAddr(r), auth.MethodOIDC, id, p.SessionLife())
	if err != nil {
		return a.notLoggedInElsewhere(c, asUnauthenticated(err))
	}
	a.endSession(c)
	a.setCookie(c, a.cookieName(r), cookie)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, "../../"+safeNext(attempt.Next))
}

// notLoggedInElsewhere shows the reason on the login page, from which the user can try again.
func (a *Auth) notLoggedInElsewhere(c echo.Context, err error) error {
	p, known := problem.Described(err)
	if !known {
		detail := "the login at " + a.cfg.External.OIDC.Label() + " failed: " + err.Error()
		p = problem.Problem{Status: http.StatusUnauthorized, Detail: detail}
	}
	// The two exempt errors are in the audit log already.
	if unmapped := (*auth.UnmappedError)(nil); !errors.As(err, &unmapped) && !errors.Is(err, auth.ErrUnauthenticated) {
		a.cfg.Authenticator.RefuseExternal(a.cfg.Proxies.ClientAddr(c.Request()), auth.MethodOIDC, err)
	}
	p.SetRetryAfter(c.Response().Header())
	depth := strings.Count(c.Path(), "/") - 1
	return a.form(c, p.Status, webui.LoginForm{
		ProviderFailed: true, Problem: strings.ToUpper(p.Detail[:1]) + p.Detail[1:] + ".",
		Root: strings.Repeat("../", depth),
	})
}

// attemptOf returns this browser's login in progress with a state, or the zero value.
func (a *Auth) attemptOf(r *http.Request, state string) sso.Attempt {
	cookies := r.CookiesNamed(a.attemptName(r))
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

// attemptName returns the cookie name of a login in progress. It is as hard to plant as a session's.
func (a *Auth) attemptName(r *http.Request) string {
	return strings.Replace(a.cookieName(r), "_session", "_login", 1)
}

func (a *Auth) setAttempt(c echo.Context, cookie session.Cookie) {
	a.setCookie(c, a.attemptName(c.Request()), cookie)
}

// LogoutURL returns the URL that ends the login at the proxy or provider, or "".
func (a *Auth) LogoutURL(c echo.Context, p auth.Principal) string {
	switch e := a.cfg.External; {
	case p.Method == auth.MethodProxy && e.Proxy != nil:
		return e.Proxy.LogoutURL
	case p.LoginMethod == auth.MethodOIDC && e.OIDC != nil:
		return e.OIDC.LogoutURL(c.Request().Context())
	}
	return ""
}

// loginForm returns the login page's form with the available kinds of login.
func (a *Auth) loginForm(f webui.LoginForm) webui.LoginForm {
	f.Password = true
	if p := a.cfg.External.OIDC; p != nil {
		f.Provider, f.Password = p.Label(), len(a.cfg.Users.Snapshot().Users()) > 0
		if f.Next != "" {
			f.Query = "?" + url.Values{"next": {f.Next}}.Encode()
		}
	}
	return f
}
