package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// Other camera servers' URLs, for programs that know no others. Each is one of the hub's own under another name; parameters that mean nothing here are
// ignored. docs/ref/http.md lists them.

// aliasRoutes adds them.
func (s *Server) aliasRoutes(e *echo.Echo, read []string) {
	e.Match(read, "/cam/:camera/", s.underCamera, s.auth.RequireAuthOrLink)
	e.Match(read, "/cam/:camera/:view", s.underCamera, s.auth.RequireAuthOrLink)
	for _, path := range []string{"/webcam", "/webcam/", "/webcam:number", "/webcam:number/"} {
		e.Match(read, path, s.webcam, s.auth.RequireAuth)
	}
	for path, ext := range map[string]string{"/api/stream.mjpeg": "mjpeg", "/api/frame.jpeg": "jpeg", "/api/stream.mp4": "mp4"} {
		e.Match(read, path, func(c echo.Context) error { return s.alias(c, c.QueryParam("src"), ext) }, s.auth.RequireAuth)
	}
	e.Match(read, "/api/streams", s.go2rtcStreams, s.auth.RequireAuth)
}

// underCamera answers /cam/<id>/..., where each camera looks like a camera server of its own.
func (s *Server) underCamera(c echo.Context) error {
	id := c.Param("camera")
	switch view := c.Param("view"); view {
	case "":
		if c.QueryParam("action") == "" {
			return c.Redirect(http.StatusFound, "../"+url.PathEscape(id)) // the page's own address has no slash at its end
		}
		return s.action(c, id)
	case "stream", "stream.mjpg", "stream.mjpeg":
		return s.alias(c, id, "mjpeg")
	case "snapshot", "snapshot.jpg", "snapshot.jpeg":
		return s.alias(c, id, "jpeg")
	case "video.mp4":
		return s.alias(c, id, "mp4")
	case "video.h264":
		return s.alias(c, id, "h264")
	case "state":
		return s.ustreamerState(c, id)
	}
	return echo.ErrNotFound
}

// root answers /, which is the page, or the default camera of a program that asks as it would ask mjpg-streamer.
func (s *Server) root(c echo.Context) error {
	if c.QueryParam("action") == "" {
		return s.page(c)
	}
	return s.action(c, "")
}

// action answers mjpg-streamer's ?action=.
func (s *Server) action(c echo.Context, id string) error {
	switch action := c.QueryParam("action"); action {
	case "stream":
		return s.alias(c, id, "mjpeg")
	case "snapshot":
		return s.alias(c, id, "jpeg")
	default:
		return &problem.ParameterError{Name: "action", Value: action, Want: "stream or snapshot"}
	}
}

// webcam answers /webcam/, /webcam2/ and so on: crowsnest's names of the first camera, the second one and so on.
func (s *Server) webcam(c echo.Context) error {
	n := 1
	if text := c.Param("number"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			return echo.ErrNotFound
		}
	}
	cam, err := s.cameras.Nth(webauth.PrincipalFrom(c), n, s.live().DefaultCamera)
	if err != nil {
		return err
	}
	return s.action(c, cam.ID())
}

// named returns a camera by its id; the default one if that is "".
func (s *Server) named(p auth.Principal, id string) (*cameras.Camera, error) {
	if id == "" {
		if id = s.live().DefaultCamera; id == "" || !p.CanView(id) {
			if list := s.cameras.List(p); len(list) > 0 {
				id = list[0].ID()
			}
		}
	}
	return s.cameras.Lookup(p, id)
}

// foreign maps the parameters of other servers to ours.
func foreign() map[string]string {
	return map[string]string{
		"width": "width", "w": "width", "quality": "quality", "fps": "fps", "rotate": "rotate", "bitrate": "bitrate", "duration": "duration", "max_age": "max_age",
	}
}

// alias answers as the camera's URL with this extension does.
func (s *Server) alias(c echo.Context, id, ext string) error {
	cam, err := s.named(webauth.PrincipalFrom(c), id)
	if err != nil {
		return err
	}
	query := make(url.Values)
	for name, values := range c.QueryParams() {
		if ours, ok := foreign()[name]; ok {
			query[ours] = values
		}
	}
	return s.serve(c, cam, ext, query)
}

// ustreamerState answers what ustreamer says of itself, as far as its clients look at it.
func (s *Server) ustreamerState(c echo.Context, id string) error {
	cam, err := s.named(webauth.PrincipalFrom(c), id)
	if err == nil {
		err = authz.CheckFormat(webauth.PrincipalFrom(c), cam.ID(), "mjpeg")
	}
	if err != nil {
		return err
	}
	i := cam.Info()
	online := i.State != cameras.Offline
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]any{"ok": true, "result": map[string]any{
		"instance_id": i.Camera,
		"encoder":     map[string]any{"type": strings.ToUpper(string(i.Format)), "quality": 0},
		"source": map[string]any{
			"resolution": map[string]int{"width": i.Width, "height": i.Height}, "online": online, "desired_fps": i.FPS, "captured_fps": i.FPS,
		},
		"stream": map[string]any{"queued_fps": i.FPS, "clients": i.Viewers, "clients_stat": map[string]any{}},
	}})
}

// go2rtcStreams lists the cameras as go2rtc does.
func (s *Server) go2rtcStreams(c echo.Context) error {
	list := make(map[string]any)
	for _, cam := range s.cameras.List(webauth.PrincipalFrom(c)) {
		i := cam.Info()
		producers := []map[string]any{}
		if i.State != cameras.Offline {
			producers = append(producers, map[string]any{"format_name": "bramble", "medias": []string{"video, recvonly, " + strings.ToUpper(string(i.Format))}})
		}
		list[cam.ID()] = map[string]any{"producers": producers, "consumers": make([]struct{}, max(0, i.Viewers))}
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, list)
}
