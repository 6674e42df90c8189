package httpapi

import (
	"fmt"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/shared/subject"
)

// granted returns a camera by its id. One that the principal may not see is unknown to him.
func (s *Server) granted(p access.Principal, id string) (*cameras.Camera, error) {
	if err := subject.ValidateID(id); err != nil {
		return nil, fmt.Errorf("%w: %w", cameras.ErrUnknownCamera, err)
	}
	if !p.May(id) {
		return nil, fmt.Errorf("%w %q", cameras.ErrUnknownCamera, id)
	}
	return s.cfg.Registry.Camera(id)
}

// grantedCameras returns those that the principal may see, sorted by id.
func (s *Server) grantedCameras(p access.Principal) (cameras []*cameras.Camera) {
	for _, cam := range s.cfg.Registry.Cameras() {
		if p.May(cam.ID()) {
			cameras = append(cameras, cam)
		}
	}
	return cameras
}

// checkFormat refuses a format that a signed link is not for.
func checkFormat(p access.Principal, camera, format string) error {
	if p.MayFormat(camera, format) {
		return nil
	}
	return forbidden(p, fmt.Sprintf("a link to .%s, and this one is to .%s", format, strings.Join(p.Formats(), ", .")))
}

// letIn has the request counted as a viewer of a camera in the format of an extension, if it may be one and there is room. The guest stays in echo's context.
func (s *Server) letIn(c echo.Context, camera, ext string) (*guest, error) {
	p := who(c)
	if err := checkFormat(p, camera, ext); err != nil {
		return nil, err
	}
	g, err := s.guests.enter(s.ending, p, s.addressOf(c.Request()), camera, ext)
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
		if p := who(c); !p.Has(access.Admin) && !(p.By == access.ByToken && p.MayAll()) {
			return forbidden(p, "role admin, or an API token of a user who may see all cameras")
		}
		return next(c)
	}
}
