package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
)

// health says whether the hub is alive, and whether it can serve viewers.
type health struct {
	draining  func() bool // whether the server is about to stop
	connected func() bool // whether NATS can be reached
	cameras   *cameras.Registry
}

// live answers /healthz: the process is alive.
func (*health) live(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// ready answers /readyz: viewers can be served, because NATS is reached and cameras are known.
func (h *health) ready(c echo.Context) error {
	switch {
	case h.draining():
		return problem.New(http.StatusServiceUnavailable, "not ready: the hub is about to stop")
	case !h.connected():
		return problem.New(http.StatusServiceUnavailable, "not ready: no connection to NATS")
	case len(h.cameras.Cameras()) == 0:
		return problem.New(http.StatusServiceUnavailable, "not ready: no camera is known yet")
	}
	return c.String(http.StatusOK, "ready\n")
}
