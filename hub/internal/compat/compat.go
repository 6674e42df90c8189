// Package compat answers the URLs of other camera servers (mjpg-streamer, ustreamer, crowsnest, go2rtc), for programs
// that know no others. Each is another name of one of the hub's own URLs. Unknown parameters are ignored.
// docs/ref/http.md lists the URLs. How a camera is served belongs to the outputs.
package compat

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// Config has what a Handler needs.
type Config struct {
	Cameras       authz.Cameras
	DefaultCamera func() string // of URLs that name none; "" means the first by id
	Auth          *webauth.Auth
	Page          echo.HandlerFunc // answers / without parameters of other servers

	// Serve answers with a camera in an output, as the hub's own URL with these parameters does.
	Serve func(c echo.Context, cam *cameras.Camera, output string, query url.Values) error
}

// Handler answers the URLs of other camera servers.
type Handler struct {
	cfg Config
}

// New returns a Handler. It starts nothing.
func New(cfg Config) *Handler { return &Handler{cfg} }

// Register adds the routes, which answer the given methods.
func (h *Handler) Register(e *echo.Echo, read []string) {
	auth, orLink := h.cfg.Auth.RequireAuth, h.cfg.Auth.RequireAuthOrLink
	e.Match(read, "/", h.root, auth)
	e.Match(read, "/cam/:camera/", h.camera, orLink)
	e.Match(read, "/cam/:camera/:view", h.camera, orLink)
	for _, path := range []string{"/webcam", "/webcam/", "/webcam:number", "/webcam:number/"} {
		e.Match(read, path, h.webcam, auth)
	}
	for path, output := range map[string]string{
		"/api/stream.mjpeg": "mjpeg", "/api/frame.jpeg": "jpeg", "/api/stream.mp4": "mp4",
	} {
		e.Match(read, path, func(c echo.Context) error { return h.serve(c, c.QueryParam("src"), output) }, auth)
	}
	e.Match(read, "/api/streams", h.streams, auth)
}

// camera answers /cam/<id>/..., where each camera looks like a camera server of its own.
func (h *Handler) camera(c echo.Context) error {
	id := c.Param("camera")
	switch view := c.Param("view"); view {
	case "":
		if c.QueryParam("action") == "" {
			return c.Redirect(http.StatusFound, "../"+url.PathEscape(id)) // the page's own address has no slash at its end
		}
		return h.action(c, id)
	case "stream", "stream.mjpg", "stream.mjpeg":
		return h.serve(c, id, "mjpeg")
	case "snapshot", "snapshot.jpg", "snapshot.jpeg":
		return h.serve(c, id, "jpeg")
	case "video.mp4":
		return h.serve(c, id, "mp4")
	case "video.h264":
		return h.serve(c, id, "h264")
	case "state":
		return h.state(c, id)
	}
	return echo.ErrNotFound
}

// root answers /: with the page, or with the default camera if the request has mjpg-streamer's parameter.
func (h *Handler) root(c echo.Context) error {
	if c.QueryParam("action") == "" {
		return h.cfg.Page(c)
	}
	return h.action(c, "")
}

// action answers mjpg-streamer's ?action=.
func (h *Handler) action(c echo.Context, id string) error {
	switch action := c.QueryParam("action"); action {
	case "stream":
		return h.serve(c, id, "mjpeg")
	case "snapshot":
		return h.serve(c, id, "jpeg")
	default:
		return &problem.ParameterError{Name: "action", Value: action, Want: "stream or snapshot"}
	}
}

// webcam answers /webcam/, /webcam2/ and so on: crowsnest's names of the first camera, the second one and so on.
func (h *Handler) webcam(c echo.Context) error {
	n := 1
	if text := c.Param("number"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			return echo.ErrNotFound
		}
	}
	cam, err := h.cfg.Cameras.Nth(webauth.PrincipalFrom(c), n, h.cfg.DefaultCamera())
	if err != nil {
		return err
	}
	return h.action(c, cam.ID())
}

// lookup returns a camera by its id, or the default camera if the id is "".
func (h *Handler) lookup(p auth.Principal, id string) (*cameras.Camera, error) {
	if id == "" {
		if id = h.cfg.DefaultCamera(); id == "" || !p.CanView(id) {
			if list := h.cfg.Cameras.List(p); len(list) > 0 {
				id = list[0].ID()
			}
		}
	}
	return h.cfg.Cameras.Lookup(p, id)
}

// serve answers as the camera's URL with an output's extension does. go2rtc's parameter w is the hub's width.
func (h *Handler) serve(c echo.Context, id, output string) error {
	cam, err := h.lookup(webauth.PrincipalFrom(c), id)
	if err != nil {
		return err
	}
	query := c.QueryParams()
	if w, ok := query["w"]; ok {
		query["width"] = w
	}
	return h.cfg.Serve(c, cam, output, query)
}
