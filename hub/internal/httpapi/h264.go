package httpapi

import (
	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

// h264 answers with the camera's access units as they are, from SPS, PPS and IDR on. The response ends when the parameter sets change: a player that
// connects again gets the new ones first.
func (s *Server) h264(c echo.Context, cam *cameras.Camera) error {
	view, d, err := s.begin(c, cam, media.H264, "video/h264")
	if err != nil {
		return err
	}
	if view.out == nil {
		return nil
	}
	params := d.Params
	show := func(d stream.Delivery) error {
		if d.Key && d.Params != params {
			return errEnough
		}
		view.out.TryWrite(d.Payload)
		return nil
	}
	s.attend(view, func() {
		view.show(d, show)
		view.run(show, noStill)
	})
	return nil
}
