package web

import (
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/hubsync"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/sysinfo"
)

// metricsHandler returns the handler of /metrics: those given, and those of the program, its host and the other hubs.
// docs/ref/metrics.md describes them.
func metricsHandler(version string, others func() []hubsync.Other, given ...prometheus.Collector) echo.HandlerFunc {
	return echo.WrapHandler(metrics.Handler(append(given,
		metrics.BuildInfo(version), sysinfo.NewCollector(), hubsync.NewCollector(others),
	)...))
}
