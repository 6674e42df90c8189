package webauth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/problem"
)

// unauthenticatedError says that a request has no valid credentials. why says what is wrong with those that it has.
type unauthenticatedError struct{ why error }

func (e *unauthenticatedError) Error() string {
	if e.why != nil {
		return e.why.Error()
	}
	return "this hub asks who you are: log in at /login, or show a user's password (Basic), an API token (Bearer) or " +
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

// Challenge tells a program that it may send a password. A browser would show a dialog of its own.
func Challenge(c echo.Context) {
	h := c.Request().Header
	if h.Get("Sec-Fetch-Mode") == "" && !strings.HasPrefix(h.Get("User-Agent"), "Mozilla/") {
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Basic realm="bramble", charset="UTF-8"`)
	}
}
