package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/logkey"
)

// problemOf maps an error, which may be the router's, to its answer.
func problemOf(err error) problem.Problem {
	if status := new(echo.HTTPError); errors.As(err, &status) {
		detail := fmt.Sprint(status.Message)
		switch status.Code {
		case http.StatusNotFound:
			detail = "this URL does not exist: /api/v1/openapi.yaml lists all"
		case http.StatusMethodNotAllowed:
			detail = "the URL does not allow this method: the header Allow lists the allowed ones"
		}
		err = problem.New(status.Code, detail)
	}
	return problem.Of(err)
}

// errorHandler answers requests whose handlers returned an error.
type errorHandler struct {
	answers *prometheus.CounterVec // by status
	log     *slog.Logger
}

// handle answers a request whose handler returned an error.
func (h *errorHandler) handle(err error, c echo.Context) {
	if c.Response().Committed { // too late for an answer
		level := slog.LevelWarn
		var network net.Error
		if errors.As(err, &network) || c.Request().Context().Err() != nil {
			level = slog.LevelDebug // the client has gone, or the hub stops
		}
		h.log.Log(context.Background(), level, "response ended early", "path", c.Request().URL.Path, logkey.Err, err)
		return
	}
	p := problemOf(err)
	h.answers.WithLabelValues(strconv.Itoa(p.Status)).Inc()
	if p.Status == http.StatusUnauthorized {
		if origin.WantsPage(c.Request()) && c.Request().Method == http.MethodGet {
			_ = webauth.RedirectToLogin(c) // writes headers only
			return
		}
		webauth.Challenge(c)
	}
	if p.Status >= http.StatusInternalServerError && p.Status != http.StatusServiceUnavailable {
		h.log.Error("request failed", "path", c.Request().URL.Path, logkey.Err, err)
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, problem.ContentType)
	header.Set("Cache-Control", "no-store")
	p.SetRetryAfter(header)
	if c.Request().Method == http.MethodHead {
		err = c.NoContent(p.Status)
	} else {
		c.Response().WriteHeader(p.Status)
		err = c.Echo().JSONSerializer.Serialize(c, p, "")
	}
	if err != nil {
		h.log.Debug("response not sent", "path", c.Request().URL.Path, logkey.Err, err)
	}
}

// errorCodes are the statuses of the errors that there may be, as docs/ref/http.md lists them.
func errorCodes() []string {
	return []string{"400", "401", "403", "404", "405", "413", "415", "421", "426", "429", "500", "501", "503"}
}
