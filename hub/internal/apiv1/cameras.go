package apiv1

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// cameraJSON is a camera in the API. openapi.yaml describes it.
type cameraJSON struct {
	ID         string            `json:"id"`
	Role       permission.Role   `json:"role"` // of the caller, for this camera
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

// agentJSON has the agent's own counters.
type agentJSON struct {
	Frames      uint64            `json:"frames"`
	Sent        uint64            `json:"sent"`
	Drops       map[string]uint64 `json:"drops,omitempty"`
	Clock       status.Clock      `json:"clock"`
	Temperature *float64          `json:"temperature,omitempty"`
}

func (a *API) listCameras(c echo.Context) error {
	list := []cameraJSON{}
	p := webauth.PrincipalFrom(c)
	for _, cam := range a.cfg.Cameras.List(p) {
		list = append(list, a.describe(cam, p))
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]any{"cameras": list})
}

func (a *API) showCamera(c echo.Context) error {
	p := webauth.PrincipalFrom(c)
	cam, err := a.cfg.Cameras.Lookup(p, c.Param("camera"))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, a.describe(cam, p))
}

func (a *API) describe(cam *cameras.Camera, p auth.Principal) cameraJSON {
	i := cam.Info()
	j := cameraJSON{
		ID: i.Camera, Role: p.RoleFor(i.Camera), State: i.State,
		Reason: i.Reason, Warning: i.Warning, Since: i.Since, Host: i.Host, Agent: i.Agent, Source: i.Source,
		Format: i.Format, Formats: a.cfg.Formats(i.Format), Renditions: a.renditions(cam), Width: i.Width, Height: i.Height,
		FPS: i.FPS, Bitrate: i.Bitrate,
		Viewers: i.Viewers, LastSeen: i.LastStatus, In: i.Stream.FramesIn.Load(), Out: i.Stream.FramesOut.Load(),
		Drops:   i.Stream.Drops.Map(),
		AtAgent: agentJSON{i.Frames, i.Sent, i.Status.Drops, i.Clock, i.Temperature},
	}
	if !i.Received.IsZero() {
		age := time.Since(i.Received).Milliseconds()
		j.AgeMS = &age
	}
	return j
}

// renditionJSON is a rendition in the API. openapi.yaml describes it.
type renditionJSON struct {
	Format     frame.Format      `json:"format"`
	Width      int               `json:"width,omitempty"`
	Quality    int               `json:"quality,omitempty"`
	FPS        float64           `json:"fps,omitempty"`
	Rotate     int               `json:"rotate,omitempty"`
	Bitrate    int               `json:"bitrate,omitempty"`
	Still      bool              `json:"still"`
	FFmpeg     bool              `json:"ffmpeg"`
	Viewers    int               `json:"viewers"`
	Frames     uint64            `json:"frames"`
	Drops      map[string]uint64 `json:"drops"`
	Restarts   uint64            `json:"restarts"`
	CPUSeconds float64           `json:"cpu_seconds"`
	Reason     string            `json:"reason"`
}

func (a *API) renditions(cam *cameras.Camera) []renditionJSON {
	list := []renditionJSON{}
	for _, i := range a.cfg.Transcoder.Renditions(cam) {
		w := i.Want
		list = append(list, renditionJSON{
			frame.Format(w.Codec), w.Width, w.Quality, w.FPS, w.Rotate, w.Bitrate, i.Still, !i.InProcess, i.Viewers,
			i.Stream.FramesIn.Load(), i.Stream.Drops.Map(), i.Restarts, i.CPU.Seconds(), i.LastError,
		})
	}
	return list
}
