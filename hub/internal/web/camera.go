package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/printable"
)

// cameraHandler answers with cameras.
type cameraHandler struct {
	cameras authz.Cameras
	outputs *output.Registry
	stream  *output.Handler
	proxies trustedproxy.Proxies
	page    echo.HandlerFunc       // answers with the page of one camera
	ending  func() context.Context // its end is that of all viewers
}

// camera answers /cam/<id>, which is a page, and /cam/<id>.<extension>, which is the camera in an output.
func (h *cameraHandler) camera(c echo.Context) error {
	id, name, dotted := strings.Cut(c.Param("camera"), ".")
	if name == "jpg" {
		name = "jpeg"
	}
	if err := h.cameras.ValidateID(webauth.PrincipalFrom(c), id); err != nil {
		return err
	}
	if !dotted {
		return h.page(c)
	}
	if _, ok := h.outputs.HTTP(name); !ok {
		return problem.Newf(http.StatusNotFound, "unknown extension .%s: cameras have %s",
			printable.Short(name), h.outputs.Extensions())
	}
	cam, err := h.cameras.Lookup(webauth.PrincipalFrom(c), id)
	if err != nil {
		return err
	}
	return h.serve(c, cam, name, c.QueryParams())
}

// serve answers with a camera in an output.
func (h *cameraHandler) serve(c echo.Context, cam *cameras.Camera, name string, query url.Values) error {
	o, ok := h.outputs.HTTP(name)
	if !ok {
		return echo.ErrNotFound
	}
	client := viewers.Client{Principal: webauth.PrincipalFrom(c), Address: h.proxies.ClientAddr(c.Request())}
	return h.stream.Serve(h.ending(), c.Response(), c.Request(), client, cam, o, query)
}
