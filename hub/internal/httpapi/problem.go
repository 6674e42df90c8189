package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/internal/logkey"
)

// problem is an error answer (RFC 9457).
type problem struct {
	Type       string   `json:"type"`
	Title      string   `json:"title"`
	Status     int      `json:"status"`
	Detail     string   `json:"detail,omitempty"`
	Parameter  string   `json:"parameter,omitempty"`
	Cameras    []string `json:"cameras,omitempty"` // the known ones, with an unknown camera
	RetryAfter int      `json:"retry_after,omitempty"`
}

// retrySeconds is what an offline camera's answer asks a client to wait.
const retrySeconds = 5

// paramError is a query parameter that cannot be used.
type paramError struct{ name, value, want string }

func (e *paramError) Error() string {
	return fmt.Sprintf("parameter %s=%q: must be %s", e.name, cut(e.value), e.want)
}

// problemFor maps an error to its answer to somebody.
func (s *Server) problemFor(err error, to access.Principal) problem {
	var param *paramError
	var limit *limitError
	var http4xx *echo.HTTPError
	if p, ok := transcodeProblem(err); ok {
		return p
	}
	if p, ok := accessProblem(err); ok {
		return p
	}
	switch {
	case errors.As(err, &param):
		return problem{Title: "Bad parameter", Status: http.StatusBadRequest, Detail: err.Error(), Parameter: param.name}
	case errors.Is(err, cameras.ErrUnknownCamera):
		known := s.knownCameras(to)
		detail := err.Error() + ": known are " + strings.Join(known, ", ")
		if len(known) == 0 {
			detail = err.Error() + ": no camera is known yet"
		}
		return problem{Title: "Unknown camera", Status: http.StatusNotFound, Detail: detail, Cameras: known}
	case errors.As(err, &limit):
		status := http.StatusServiceUnavailable
		if limit.limit == limitAddress {
			status = http.StatusTooManyRequests
		}
		return problem{Title: "Too many viewers", Status: status, Detail: err.Error(), RetryAfter: retrySeconds}
	case errors.Is(err, errEnded):
		return problem{Title: "Ended", Status: http.StatusForbidden, Detail: err.Error()}
	case errors.Is(err, context.Canceled):
		return problem{Title: "Stopping", Status: http.StatusServiceUnavailable, Detail: "the hub is stopping", RetryAfter: retrySeconds}
	case errors.Is(err, cameras.ErrOffline):
		return problem{Title: "Camera offline", Status: http.StatusServiceUnavailable, Detail: err.Error(), RetryAfter: retrySeconds}
	case errors.Is(err, errAgentBusy):
		return problem{Title: "Agent busy", Status: http.StatusServiceUnavailable, Detail: err.Error(), RetryAfter: 1}
	case errors.As(err, &http4xx):
		return problem{Title: http.StatusText(http4xx.Code), Status: http4xx.Code, Detail: fmt.Sprint(http4xx.Message)}
	}
	return problem{Title: "Internal error", Status: http.StatusInternalServerError, Detail: "the hub's log says more"}
}

// maxKnown bounds the list of known cameras in an error.
const maxKnown = 100

func (s *Server) knownCameras(to access.Principal) (ids []string) {
	for _, c := range s.grantedCameras(to) {
		if len(ids) == maxKnown {
			break
		}
		ids = append(ids, c.ID())
	}
	return ids
}

// handleError answers a request whose handler returned an error.
func (s *Server) handleError(err error, c echo.Context) {
	if c.Response().Committed { // too late for an answer
		level := slog.LevelWarn
		var network net.Error
		if errors.As(err, &network) || c.Request().Context().Err() != nil {
			level = slog.LevelDebug // the client has gone, or the hub stops
		}
		s.cfg.Log.Log(context.Background(), level, "answer cut short", "path", c.Request().URL.Path, logkey.Err, err)
		return
	}
	p := s.problemFor(err, who(c))
	s.errors.add(strconv.Itoa(p.Status))
	if p.Status == http.StatusUnauthorized {
		if wantsPage(c.Request()) && c.Request().Method == http.MethodGet {
			_ = toLogin(c) // writes headers only
			return
		}
		challenge(c)
	}
	p.Type = "about:blank"
	if p.Status >= http.StatusInternalServerError && p.Status != http.StatusServiceUnavailable {
		s.cfg.Log.Error("request failed", "path", c.Request().URL.Path, logkey.Err, err)
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "application/problem+json")
	h.Set("Cache-Control", "no-store")
	setRetryAfter(c, p)
	if c.Request().Method == http.MethodHead {
		err = c.NoContent(p.Status)
	} else {
		c.Response().WriteHeader(p.Status)
		err = c.Echo().JSONSerializer.Serialize(c, p, "")
	}
	if err != nil {
		s.cfg.Log.Debug("answer not sent", "path", c.Request().URL.Path, logkey.Err, err)
	}
}

// errorCodes are the statuses of the errors that there may be, as docs/ref/http.md lists them.
func errorCodes() []string {
	return []string{"400", "401", "403", "404", "405", "413", "415", "421", "426", "429", "500", "501", "503"}
}

func setRetryAfter(c echo.Context, p problem) {
	if p.RetryAfter > 0 {
		c.Response().Header().Set(echo.HeaderRetryAfter, fmt.Sprint(p.RetryAfter))
	}
}

func cut(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
