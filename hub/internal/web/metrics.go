package web

import (
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/hubsync"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/sysinfo"
)

// metrics returns the handler of /metrics. docs/ref/metrics.md describes them.
func (s *Server) metrics() echo.HandlerFunc {
	return echo.WrapHandler(metrics.Handler(append(s.cfg.Collectors,
		metrics.BuildInfo(s.cfg.Info.Version), s.errors, s.refused, s.accept, s.tracker, s.socketGauge(),
		sysinfo.NewCollector(), hubsync.NewCollector(func() []hubsync.Other { return s.cfg.Others() }),
	)...))
}

func (s *Server) socketGauge() prometheus.Collector {
	return metrics.NewGaugeFunc("websockets", "WebSockets open now.", func() float64 { return float64(s.sockets.Load()) })
}
