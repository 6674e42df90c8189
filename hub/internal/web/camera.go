package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/printable"
)

// camera answers /cam/<id>, which is a page, and /cam/<id>.<extension>, which is the camera in an output.
func (s *Server) camera(c echo.Context) error {
	id, name, dotted := strings.Cut(c.Param("camera"), ".")
	if name == "jpg" {
		name = "jpeg"
	}
	if err := s.cameras.ValidateID(webauth.PrincipalFrom(c), id); err != nil {
		return err
	}
	if !dotted {
		return s.site.page(c)
	}
	if _, ok := s.cfg.Outputs.HTTP(name); !ok {
		return problem.Newf(http.StatusNotFound, "a camera has no .%s: there are %s", printable.Short(name), s.cfg.Outputs.Extensions())
	}
	cam, err := s.cameras.Lookup(webauth.PrincipalFrom(c), id)
	if err != nil {
		return err
	}
	return s.serve(c, cam, name, c.QueryParams())
}

// serve answers with a camera in an output.
func (s *Server) serve(c echo.Context, cam *cameras.Camera, name string, query url.Values) error {
	o, ok := s.cfg.Outputs.HTTP(name)
	if !ok {
		return echo.ErrNotFound
	}
	client := viewers.Client{Principal: webauth.PrincipalFrom(c), Address: s.cfg.Proxies.ClientAddr(c.Request())}
	return s.outputs.Serve(s.ending, c.Response(), c.Request(), client, cam, o, query)
}
