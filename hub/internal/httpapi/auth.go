package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/secret"
)

// door asks who comes; access.Door is one.
type door struct {
	*access.Authenticator
	exposed  bool // other hosts can reach the hub: without users all access is denied, rather than allowed
	external bool // logins at a proxy or provider are configured: authentication is on even without users
}

// open reports whether nobody is asked.
func (d *door) open() bool { return d == nil || d.AuthDisabled() && !d.exposed && !d.external }

// principalKey is where known leaves the principal in echo's context.
const principalKey = "bramble.principal"

// strangerError says that nobody has proved who he is; why says what was wrong, if he tried.
type strangerError struct{ why error }

func (e *strangerError) Error() string {
	if e.why != nil {
		return e.why.Error()
	}
	return "this hub asks who you are: log in at /login, or show a user's password (Basic), an API token (Bearer) or a signed link"
}

func (e *strangerError) Unwrap() error { return e.why }

// Problem implements problem.Describer.
func (e *strangerError) Problem() problem.Problem {
	return problem.Problem{Title: "Authentication required", Status: http.StatusUnauthorized}
}

// known lets those pass who prove who they are.
func (s *Server) known(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		p, err := s.identify(c)
		if err != nil {
			return err
		}
		c.Set(principalKey, p)
		return next(c)
	}
}

// orLink lets those pass, too, who have a signed link to the camera that the URL names.
func (s *Server) orLink(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		link := c.QueryParam(access.LinkParameter)
		if link == "" || s.door.open() {
			return s.known(next)(c)
		}
		camera := linkedCamera(c)
		p, err := s.identify(c)
		if err != nil || !p.CanView(camera) {
			p, err = s.door.Link(s.cfg.Proxies.ClientAddr(c.Request()), camera, secret.Text(link))
		}
		if err != nil {
			return &strangerError{err}
		}
		if p.Method == access.MethodLink {
			shareAnswer(c)
		}
		c.Set(principalKey, p)
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

// who returns the request's principal, after known or orLink.
func who(c echo.Context) access.Principal {
	p, _ := c.Get(principalKey).(access.Principal) // the zero value may do nothing
	return p
}

// identify returns the principal of a request. A trusted proxy's headers come first, then Authorization, then the
// session.
func (s *Server) identify(c echo.Context) (access.Principal, error) {
	if s.door.open() {
		return access.Anonymous(), nil
	}
	r := c.Request()
	addr := s.cfg.Proxies.ClientAddr(r)
	if p, known, err := s.fromProxy(r, addr); known {
		return s.unlessForeign(c, p, err)
	}
	if header := r.Header.Get(echo.HeaderAuthorization); header != "" {
		return s.authorization(r, addr, header)
	}
	p, err := s.sessionOf(c, addr)
	return s.unlessForeign(c, p, err)
}

func (s *Server) authorization(r *http.Request, addr, header string) (p access.Principal, err error) {
	scheme, value, _ := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		p, err = s.bearerToken(r.Context(), addr, secret.Text(strings.TrimSpace(value)))
	case strings.EqualFold(scheme, "Basic"):
		user, password, ok := r.BasicAuth()
		if !ok {
			return p, &strangerError{errors.New("the header Authorization is broken: after Basic comes base64 of USER:PASSWORD")}
		}
		p, err = s.door.Password(r.Context(), addr, user, secret.Text(password))
	default:
		return p, &strangerError{errors.New("the header Authorization is not known: give Basic with a user's password, or Bearer with an API token")}
	}
	return p, asStranger(err)
}

// challenge tells a program that it may show a password. A browser would ask with a dialog of its own.
func challenge(c echo.Context) {
	h := c.Request().Header
	if h.Get("Sec-Fetch-Mode") == "" && !strings.HasPrefix(h.Get("User-Agent"), "Mozilla/") {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Basic realm="bramble", charset="UTF-8"`)
	}
}
