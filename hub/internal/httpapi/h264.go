package httpapi

import (
	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/registry"
	"github.com/bramble-cam/bramble/shared/frame"
)

// h264 answers with the camera's access units as they are, from SPS, PPS and IDR on. The response ends when the parameter sets change: a player that
// connects again gets the new ones first.
func (s *Server) h264(c echo.Context, cam *registry.Camera) error {
	view, d, err := s.begin(c, cam, frame.H264, "video/h264")
	if err != nil {
		return err
	}
	defer s.end(view)
	if view.out == nil {
		return nil
	}
	params := d.Params
	for ok := true; ok && !(d.Key && d.Params != params); d, ok = view.next() {
		if err := view.out.write(d.Payload); err != nil {
			return nil // the viewer is gone, or too slow for too long
		}
	}
	return nil
}
