package httpapi

import (
	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/authz"
)

// letIn has the request counted as a viewer of a camera in the format of an extension, if it may be one and there is room. The guest stays in echo's context.
func (s *Server) letIn(c echo.Context, camera, ext string) (*guest, error) {
	p := who(c)
	if err := authz.CheckFormat(p, camera, ext); err != nil {
		return nil, err
	}
	g, err := s.guests.enter(s.ending, p, s.cfg.Proxies.ClientAddr(c.Request()), camera, ext)
	if err != nil {
		return nil, err
	}
	c.Set(guestKey, g)
	return g, nil
}

// guestKey is where letIn leaves the guest in echo's context.
const guestKey = "bramble.guest"

// overseer lets those pass who may see numbers about all cameras. It comes after known.
func overseer(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if p := who(c); !p.HasRole(access.Admin) && !(p.Method == access.MethodToken && p.CanViewAll()) {
			return authz.Forbidden(p, "role admin, or an API token of a user who may see all cameras")
		}
		return next(c)
	}
}
