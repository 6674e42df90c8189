// Package webauth authenticates HTTP requests: by session cookie, password, API token, signed link, or a login at a
// reverse proxy or an identity provider. It has the login form, and refuses what pages of other origins load. Whether
// credentials are valid, the authenticator decides; what a principal may have, package authz.
package webauth

import (
	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/webui"
)

// Config is what an Auth needs.
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
	cfg Config
}

// New returns an Auth. It starts nothing.
func New(cfg Config) *Auth { return &Auth{cfg} }

// Register adds the routes of logins. Reading ones answer the given methods.
func (a *Auth) Register(e *echo.Echo, read []string) {
	e.Match(read, "/login", a.loginPage)
	e.POST("/login", a.login)
	e.POST("/logout", a.logout)
	e.GET("/login/oidc", a.beginOIDC)
	e.GET("/login/oidc/callback", a.finishOIDC)
}

// Off reports whether authentication is off: every request has all rights then.
func (a *Auth) Off() bool {
	c := &a.cfg
	return c.Authenticator == nil || c.Authenticator.AuthDisabled() && !c.Exposed && c.External.IsZero()
}
