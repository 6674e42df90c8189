package httpapi

import (
	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/registry"
)

func (s *Server) mp4(c echo.Context, cam *registry.Camera) error { return &notBuiltError{"soon"} }
