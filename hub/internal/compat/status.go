package compat

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// state answers with ustreamer's state, as far as its clients read it.
func (h *Handler) state(c echo.Context, id string) error {
	p := webauth.PrincipalFrom(c)
	cam, err := h.lookup(p, id)
	if err == nil {
		err = authz.CheckFormat(p, cam.ID(), "mjpeg")
	}
	if err != nil {
		return err
	}
	i := cam.Info()
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]any{"ok": true, "result": map[string]any{
		"instance_id": i.Camera,
		"encoder":     map[string]any{"type": strings.ToUpper(string(i.Format)), "quality": 0},
		"source": map[string]any{
			"resolution":  map[string]int{"width": i.Width, "height": i.Height},
			"online":      i.State != cameras.Offline,
			"desired_fps": i.FPS, "captured_fps": i.FPS,
		},
		"stream": map[string]any{"queued_fps": i.FPS, "clients": i.Viewers, "clients_stat": map[string]any{}},
	}})
}

// streams lists the cameras as go2rtc does.
func (h *Handler) streams(c echo.Context) error {
	list := make(map[string]any)
	for _, cam := range h.cfg.Cameras.List(webauth.PrincipalFrom(c)) {
		i := cam.Info()
		producers := []map[string]any{}
		if i.State != cameras.Offline {
			producers = append(producers, map[string]any{
				"format_name": "bramble", "medias": []string{"video, recvonly, " + strings.ToUpper(string(i.Format))},
			})
		}
		list[cam.ID()] = map[string]any{"producers": producers, "consumers": make([]struct{}, max(0, i.Viewers))}
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, list)
}
