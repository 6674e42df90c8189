// Package webauth authenticates HTTP requests: by session cookie, password, API token, signed link, or a login at a
// reverse proxy or an identity provider. It has the login form, and refuses what pages of other origins load. Whether
// credentials are valid is decided by package auth, and what a principal may have by package authz.
package webauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/webui"
)

// Config has what an Auth needs.
type Config struct {
	Authenticator *auth.Authenticator // nil: authentication is off
	Users         *credstore.Store    // as the Authenticator's
	Exposed       bool                // other hosts can reach the hub: without users all access is denied, not allowed
	External      External            // logins at a proxy or an identity provider
	Proxies       trustedproxy.Proxies
	Origins       origin.Checker
	Shared        []string         // routes that pages of other origins may load
	Page          *webui.LoginPage // the login form
	LoggedOut     func()           // called after a logout
	BodyRefused   func()           // called for a body that is too large
}

// Auth authenticates the requests of one hub.
type Auth struct {
	cfg        Config
	cookies    cookies
	proxyUsers proxyUsers
	bearer     bearerTokens
	foreign    foreignPages
}

// New returns an Auth. It starts nothing.
func New(cfg Config) *Auth {
	return &Auth{
		cfg:        cfg,
		cookies:    cookies{cfg.Authenticator, cfg.Proxies},
		proxyUsers: proxyUsers{cfg.External.Proxy, cfg.Authenticator, cfg.Proxies},
		bearer:     bearerTokens{cfg.Authenticator, cfg.External.Bearer},
		foreign:    foreignPages{cfg.Authenticator, cfg.Proxies, cfg.Origins, cfg.Shared},
	}
}

// Register adds the routes of logins. Reading ones answer the given methods.
func (a *Auth) Register(e *echo.Echo, read []string) {
	page := &loginPage{a.cfg.Page, a.cfg.Users, a.cfg.External.OIDC}
	login := &passwordLogin{
		auth: a.cfg.Authenticator, off: a.Off, proxies: a.cfg.Proxies, origins: a.cfg.Origins, cookies: a.cookies,
		page: page, loggedOut: a.cfg.LoggedOut, bodyRefused: a.cfg.BodyRefused,
	}
	provider := &oidcLogin{
		provider: a.cfg.External.OIDC, auth: a.cfg.Authenticator, proxies: a.cfg.Proxies, cookies: a.cookies, page: page,
	}
	e.Match(read, "/login", login.form)
	e.POST("/login", login.login)
	e.POST("/logout", login.logout)
	e.GET("/login/oidc", provider.begin)
	e.GET("/login/oidc/callback", provider.finish)
}

// Off reports whether authentication is off: every request has all rights then.
func (a *Auth) Off() bool {
	c := &a.cfg
	return c.Authenticator == nil || c.Authenticator.AuthDisabled() && !c.Exposed && c.External.IsZero()
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

// CheckForeignPage refuses pictures, frames and the like that a page of another origin has the browser load.
func (a *Auth) CheckForeignPage(c echo.Context) error { return a.foreign.check(c) }

// RequireAuth refuses a request without valid credentials.
func (a *Auth) RequireAuth(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		p, err := a.identify(c)
		if err != nil {
			return err
		}
		c.Set(principalKey, p)
		return next(c)
	}
}

// RequireAuthOrLink is RequireAuth that also accepts a signed link to the camera that the URL names.
func (a *Auth) RequireAuthOrLink(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		link := c.QueryParam(signedlink.Parameter)
		if link == "" || a.Off() {
			return a.RequireAuth(next)(c)
		}
		camera := linkedCamera(c)
		p, err := a.identify(c)
		if err != nil || !p.CanView(camera) {
			p, err = a.cfg.Authenticator.Link(a.cfg.Proxies.ClientAddr(c.Request()), camera, secret.Text(link))
		}
		if err != nil {
			return &unauthenticatedError{err}
		}
		if p.Method == auth.MethodLink {
			origin.Share(c.Response().Header())
		}
		c.Set(principalKey, p)
		return next(c)
	}
}

// identify returns the principal of a request. A trusted proxy's headers come first, then Authorization, then the
// session.
func (a *Auth) identify(c echo.Context) (auth.Principal, error) {
	if a.Off() {
		return auth.Anonymous(), nil
	}
	r := c.Request()
	addr := a.cfg.Proxies.ClientAddr(r)
	if p, known, err := a.proxyUsers.principal(r, addr); known {
		return a.foreign.unlessForeign(c, p, err)
	}
	if header := r.Header.Get(echo.HeaderAuthorization); header != "" {
		return a.authorization(r, addr, header)
	}
	p, err := a.cookies.session(c, addr)
	return a.foreign.unlessForeign(c, p, err)
}

func (a *Auth) authorization(r *http.Request, addr, header string) (p auth.Principal, err error) {
	scheme, value, _ := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		p, err = a.bearer.principal(r.Context(), addr, secret.Text(strings.TrimSpace(value)))
	case strings.EqualFold(scheme, "Basic"):
		user, password, ok := r.BasicAuth()
		if !ok {
			return p, &unauthenticatedError{errors.New(
				"the Authorization header cannot be read: Basic is followed by USER:PASSWORD in base64")}
		}
		p, err = a.cfg.Authenticator.Password(r.Context(), addr, user, secret.Text(password))
	default:
		return p, &unauthenticatedError{errors.New("the Authorization header has an unknown scheme: " +
			"send Basic with a user's password, or Bearer with an API token")}
	}
	return p, asUnauthenticated(err)
}
