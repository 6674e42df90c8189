package webauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/problem"
)

// unauthenticatedError is the error of a request without valid credentials.
type unauthenticatedError struct {
	why error // what is wrong with the credentials; nil if there are none
}

func (e *unauthenticatedError) Error() string {
	if e.why != nil {
		return e.why.Error()
	}
	return "authentication required: log in at /login, or send a user's password (Basic), an API token (Bearer) or " +
		"a signed link"
}

func (e *unauthenticatedError) Unwrap() error { return e.why }

// Problem implements problem.Describer.
func (e *unauthenticatedError) Problem() problem.Problem {
	return problem.Problem{Title: "Authentication required", Status: http.StatusUnauthorized}
}

// asUnauthenticated turns a refusal into an answer that says how to authenticate.
func asUnauthenticated(err error) error {
	if errors.Is(err, auth.ErrUnauthenticated) {
		return &unauthenticatedError{err}
	}
	return err
}

// Challenge lets a program send a password. A browser gets no challenge, because it would show a dialog of its own.
func Challenge(c echo.Context) {
	h := c.Request().Header
	if h.Get("Sec-Fetch-Mode") == "" && !strings.HasPrefix(h.Get("User-Agent"), "Mozilla/") {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Basic realm="bramble", charset="UTF-8"`)
	}
}
