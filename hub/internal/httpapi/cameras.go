package httpapi

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// cameraJSON is a camera in the API. docs/ref/http.md describes it.
type cameraJSON struct {
	ID         string            `json:"id"`
	Role       access.Role       `json:"role"` // of the caller, for this camera
	State      status.State      `json:"state"`
	Reason     string            `json:"reason"`
	Warning    string            `json:"warning,omitempty"`
	Since      time.Time         `json:"since"`
	Host       string            `json:"host"`
	Agent      string            `json:"agent"`
	Source     string            `json:"source"`
	Format     frame.Format      `json:"format"`
	Formats    []string          `json:"formats"`
	Renditions []renditionJSON   `json:"renditions"`
	Width      int               `json:"width"`
	Height     int               `json:"height"`
	FPS        float64           `json:"fps"`
	Bitrate    int64             `json:"bitrate"`
	AgeMS      *int64            `json:"age_ms"`
	Viewers    int               `json:"viewers"`
	LastSeen   time.Time         `json:"last_seen"`
	In         uint64            `json:"frames_in"`
	Out        uint64            `json:"frames_out"`
	Drops      map[string]uint64 `json:"drops"`
	AtAgent    agentJSON         `json:"at_agent"`
}

// agentJSON is what the agent itself reports.
type agentJSON struct {
	Frames      uint64            `json:"frames"`
	Sent        uint64            `json:"sent"`
	Drops       map[string]uint64 `json:"drops,omitempty"`
	Clock       status.Clock      `json:"clock"`
	Temperature *float64          `json:"temperature,omitempty"`
}

func (s *Server) listCameras(c echo.Context) error {
	list := []cameraJSON{}
	p := webauth.PrincipalFrom(c)
	for _, cam := range s.cameras.List(p) {
		list = append(list, s.describe(cam, p))
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]any{"cameras": list})
}

func (s *Server) showCamera(c echo.Context) error {
	p := webauth.PrincipalFrom(c)
	cam, err := s.cameras.Lookup(p, c.Param("camera"))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, s.describe(cam, p))
}

func (s *Server) describe(cam *cameras.Camera, p access.Principal) cameraJSON {
	i := cam.Info()
	j := cameraJSON{
		ID: i.Camera, Role: p.RoleFor(i.Camera), State: i.State,
		Reason: i.Reason, Warning: i.Warning, Since: i.Since, Host: i.Host, Agent: i.Agent, Source: i.Source,
		Format: i.Format, Formats: s.formats(i.Format), Renditions: s.renditions(cam), Width: i.Width, Height: i.Height, FPS: i.FPS, Bitrate: i.Bitrate,
		Viewers: i.Viewers, LastSeen: i.LastStatus, In: i.Stream.FramesIn.Load(), Out: i.Stream.FramesOut.Load(), Drops: i.Stream.Drops.Map(),
		AtAgent: agentJSON{i.Frames, i.Sent, i.Status.Drops, i.Clock, i.Temperature},
	}
	if !i.Received.IsZero() {
		age := time.Since(i.Received).Milliseconds()
		j.AgeMS = &age
	}
	return j
}

// health says that the process is alive.
func (s *Server) health(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// ready says whether viewers can be served: NATS is reached and cameras are known.
func (s *Server) ready(c echo.Context) error {
	switch {
	case s.lame.Load():
		return problem.New(http.StatusServiceUnavailable, "not ready: the hub is about to stop")
	case !s.cfg.Connected():
		return problem.New(http.StatusServiceUnavailable, "not ready: no connection to NATS")
	case len(s.cfg.Registry.Cameras()) == 0:
		return problem.New(http.StatusServiceUnavailable, "not ready: no camera is known yet")
	}
	return c.String(http.StatusOK, "ready\n")
}
