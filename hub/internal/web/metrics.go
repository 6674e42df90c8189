package web

import (
	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/hubsync"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/sysinfo"
)

// metrics returns the handler of /metrics. docs/ref/metrics.md describes them.
func (s *Server) metrics() echo.HandlerFunc {
	return echo.WrapHandler(metrics.Handler(append(s.cfg.Collectors,
		metrics.BuildInfo(s.cfg.Info.Version), s.errors, s.refused, s.accept, s.tracker, s.ws,
		sysinfo.NewCollector(), hubsync.NewCollector(func() []hubsync.Other { return s.cfg.Others() }),
	)...))
}
