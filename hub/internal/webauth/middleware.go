package webauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/internal/secret"
)

// principalKey is where RequireAuth leaves the principal in echo's context.
const principalKey = "bramble.principal"

// unauthenticatedError says that a request has no valid credentials. why says what is wrong with those that it has.
type unauthenticatedError struct{ why error }

func (e *unauthenticatedError) Error() string {
	if e.why != nil {
		return e.why.Error()
	}
	return "this hub asks who you are: log in at /login, or show a user's password (Basic), an API token (Bearer) or a signed link"
}

func (e *unauthenticatedError) Unwrap() error { return e.why }

// Problem implements problem.Describer.
func (e *unauthenticatedError) Problem() problem.Problem {
	return problem.Problem{Title: "Authentication required", Status: http.StatusUnauthorized}
}

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

// RequireMetricsAccess refuses a principal that may not see the numbers of all cameras. It comes after RequireAuth.
func RequireMetricsAccess(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if p := PrincipalFrom(c); !p.HasRole(permission.Admin) && !(p.Method == auth.MethodToken && p.CanViewAll()) {
			return authz.Forbidden(p, "role admin, or an API token of a user who may see all cameras")
		}
		return next(c)
	}
}

// linkedCamera returns which camera a link in the request would be for: /ws has it in a parameter, the others in the path.
func linkedCamera(c echo.Context) string {
	if c.Param("camera") == "" {
		return c.QueryParam("camera")
	}
	id, _, _ := strings.Cut(c.Param("camera"), ".")
	return id
}

// PrincipalFrom returns the principal of a request that RequireAuth or RequireAuthOrLink let through. Otherwise it is the
// zero value, which may do nothing.
func PrincipalFrom(c echo.Context) auth.Principal {
	p, _ := c.Get(principalKey).(auth.Principal)
	return p
}

// identify returns the principal of a request. A trusted proxy's headers come first, then Authorization, then the
// session.
func (a *Auth) identify(c echo.Context) (auth.Principal, error) {
	if a.Off() {
		return auth.Anonymous(), nil
	}
	r := c.Request()
	addr := a.cfg.Proxies.ClientAddr(r)
	if p, known, err := a.fromProxy(r, addr); known {
		return a.unlessForeign(c, p, err)
	}
	if header := r.Header.Get(echo.HeaderAuthorization); header != "" {
		return a.authorization(r, addr, header)
	}
	p, err := a.sessionOf(c, addr)
	return a.unlessForeign(c, p, err)
}

func (a *Auth) authorization(r *http.Request, addr, header string) (p auth.Principal, err error) {
	scheme, value, _ := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		p, err = a.bearerToken(r.Context(), addr, secret.Text(strings.TrimSpace(value)))
	case strings.EqualFold(scheme, "Basic"):
		user, password, ok := r.BasicAuth()
		if !ok {
			return p, &unauthenticatedError{errors.New("the header Authorization is broken: after Basic comes base64 of USER:PASSWORD")}
		}
		p, err = a.cfg.Authenticator.Password(r.Context(), addr, user, secret.Text(password))
	default:
		return p, &unauthenticatedError{errors.New("the header Authorization is not known: give Basic with a user's password, or Bearer with an API token")}
	}
	return p, asUnauthenticated(err)
}

// Challenge tells a program that it may send a password. A browser would show a dialog of its own.
func Challenge(c echo.Context) {
	h := c.Request().Header
	if h.Get("Sec-Fetch-Mode") == "" && !strings.HasPrefix(h.Get("User-Agent"), "Mozilla/") {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Basic realm="bramble", charset="UTF-8"`)
	}
}
