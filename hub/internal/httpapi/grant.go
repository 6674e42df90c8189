package httpapi

import (
	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// letIn counts the request as a viewer of a camera in the format of an extension, if that is allowed. It leaves the
// viewer in echo's context.
func (s *Server) letIn(c echo.Context, camera, ext string) (*admitted, error) {
	p := webauth.PrincipalFrom(c)
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
