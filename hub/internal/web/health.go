package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/problem"
)

// health answers /healthz: the process is alive.
func (s *Server) health(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// ready answers /readyz: viewers can be served, because NATS is reached and cameras are known.
func (s *Server) ready(c echo.Context) error {
	switch {
	case s.draining.Load():
		return problem.New(http.StatusServiceUnavailable, "not ready: the hub is about to stop")
	case !s.cfg.Connected():
		return problem.New(http.StatusServiceUnavailable, "not ready: no connection to NATS")
	case len(s.cfg.Registry.Cameras()) == 0:
		return problem.New(http.StatusServiceUnavailable, "not ready: no camera is known yet")
	}
	return c.String(http.StatusOK, "ready\n")
}
