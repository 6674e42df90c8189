package apiv1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/shared/status"
)

// errAgentBusy is the error of a request that a camera's agent refuses because it has too many.
var errAgentBusy error = problem.Kind{
	Text: "the camera's agent is busy", Title: "Agent busy",
	Status: http.StatusServiceUnavailable, RetryAfter: 1,
}

// askTimeout bounds how long an agent may take to answer.
const askTimeout = 2 * time.Second

// AgentClient sends requests to cameras' agents. An error wraps cameras.ErrNoAgent if there is no agent, and
// *cameras.RefusedError if the agent refuses.
type AgentClient interface {
	// RequestStatus returns the camera's status with its controls.
	RequestStatus(ctx context.Context, camera string) (status.Status, error)

	// Configure changes settings, a JSON document, and returns the status after that.
	Configure(ctx context.Context, camera string, settings []byte) (status.Status, error)
}

// controlsJSON is a camera's controls in the API. openapi.yaml describes it.
type controlsJSON struct {
	Controls []status.Control `json:"controls"`
}

// showControls answers with the camera's controls, as its agent reports them now.
func (a *API) showControls(c echo.Context) error {
	return a.controls(c, a.cfg.Agents.RequestStatus)
}

// setControls changes settings of a camera. It refuses a page of another origin: otherwise any page in a viewer's
// browser could change them.
func (a *API) setControls(c echo.Context) error {
	r := c.Request()
	if err := a.cfg.Origins.RequireOwn(r); err != nil {
		return err
	}
	if _, err := a.cfg.Cameras.Lookup(webauth.PrincipalFrom(c), c.Param("camera")); err != nil {
		return err
	}
	if p := webauth.PrincipalFrom(c); !p.CanControl(c.Param("camera")) {
		return authz.Forbidden(p, "the role operator for this camera")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil ||
		kind != echo.MIMEApplicationJSON {
		return problem.New(http.StatusUnsupportedMediaType, "send the settings as JSON, with Content-Type: application/json")
	}
	settings, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, status.MaxSettingsSize+1))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		a.cfg.BodyRefused()
		return problem.Newf(http.StatusRequestEntityTooLarge, "the settings are longer than %d bytes", status.MaxSettingsSize)
	}
	if err != nil {
		return problem.New(http.StatusBadRequest, "the settings could not be read to their end")
	}
	if _, err := status.DecodeSettings(settings); err != nil {
		return problem.New(http.StatusBadRequest, err.Error())
	}
	return a.controls(c, func(ctx context.Context, camera string) (status.Status, error) {
		return a.cfg.Agents.Configure(ctx, camera, settings)
	})
}

func (a *API) controls(c echo.Context, ask func(context.Context, string) (status.Status, error)) error {
	id := c.Param("camera")
	if _, err := a.cfg.Cameras.Lookup(webauth.PrincipalFrom(c), id); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), askTimeout)
	defer cancel()
	st, err := ask(ctx, id)
	var refused *cameras.RefusedError
	switch {
	case errors.As(err, &refused) && refused.Code == http.StatusTooManyRequests: // other viewers may have caused it
		return fmt.Errorf("%w: %s", errAgentBusy, refused.Reason)
	case errors.As(err, &refused):
		return problem.New(refused.Code, refused.Reason)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: its agent did not answer within %v", cameras.ErrOffline, askTimeout)
	case errors.Is(err, cameras.ErrNoAgent):
		return fmt.Errorf("%w: %w", cameras.ErrOffline, err)
	case err != nil && c.Request().Context().Err() == nil:
		return fmt.Errorf("%w: the request to its agent failed: %w", cameras.ErrOffline, err)
	case err != nil:
		return err
	}
	list := controlsJSON{st.Controls}
	if list.Controls == nil {
		list.Controls = []status.Control{}
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, list)
}
