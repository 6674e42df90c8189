package httpapi

import (
	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
)

// letIn counts the request as a viewer of a camera in the format of an extension, if that is allowed. It leaves the
// viewer in echo's context.
func (s *Server) letIn(c echo.Context, camera, ext string) (*admitted, error) {
	p := who(c)
	if err := authz.CheckFormat(p, camera, ext); err != nil {
		return nil, err
	}
	v, err := s.tracker.Add(s.ending, viewers.Client{Principal: p, Address: s.cfg.Proxies.ClientAddr(c.Request())}, camera, ext)
	if err != nil {
		return nil, err
	}
	g := &admitted{Viewer: v}
	c.Set(viewerKey, g)
	return g, nil
}

// viewerKey is where letIn leaves the viewer in echo's context.
const viewerKey = "bramble.viewer"

// admitted is a request that counts as a viewer.
type admitted struct {
	*viewers.Viewer
	detached bool // the response continues after the request's handler has returned
}

// overseer lets those pass who may see numbers about all cameras. It comes after known.
func overseer(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if p := who(c); !p.HasRole(access.Admin) && !(p.Method == access.MethodToken && p.CanViewAll()) {
			return authz.Forbidden(p, "role admin, or an API token of a user who may see all cameras")
		}
		return next(c)
	}
}
