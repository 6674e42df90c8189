// Package problem turns errors into HTTP problem details (RFC 9457). It knows no error of the hub: an error brings its
// own status and title by implementing Describer. Writing the answer and logging belong to the web server.
package problem

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/bramble-cam/bramble/internal/printable"
)

// RetrySeconds is the usual Retry-After of an answer whose cause may pass, such as an offline camera.
const RetrySeconds = 5

// maxShown bounds a client's text in an error, in bytes.
const maxShown = 64

// ContentType is the media type of a Problem as JSON.
const ContentType = "application/problem+json"

// Problem is an error answer. docs/ref/http.md describes its members.
type Problem struct {
	Type       string   `json:"type"`
	Title      string   `json:"title"`
	Status     int      `json:"status"`
	Detail     string   `json:"detail,omitempty"`
	Parameter  string   `json:"parameter,omitempty"`   // the query parameter that cannot be used
	Cameras    []string `json:"cameras,omitempty"`     // the known ones, with an unknown camera
	RetryAfter int      `json:"retry_after,omitempty"` // seconds; 0 for none

	hint string // what the client should do; appended to the text of the error
}

// SetRetryAfter sets the header Retry-After, if the answer has one.
func (p Problem) SetRetryAfter(h http.Header) {
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
}

// Describer is an error that brings its own answer.
type Describer interface {
	error

	// Problem returns the answer. An empty Detail stands for the text of the whole error.
	Problem() Problem
}

// Of returns the answer to an error: that of the first Describer in its tree. An error that has none is internal, and
// its text stays in the log.
func Of(err error) Problem {
	p, described := Described(err)
	switch {
	case described:
	case errors.Is(err, context.Canceled):
		p = Problem{Title: "Stopping", Status: http.StatusServiceUnavailable, Detail: "the hub is stopping",
			RetryAfter: RetrySeconds}
	default:
		p = Problem{Title: "Internal error", Status: http.StatusInternalServerError, Detail: "see the hub's log"}
	}
	p.Type = "about:blank"
	return p
}

// Described returns the answer that the first Describer in an error's tree brings. It reports false if there is none.
func Described(err error) (p Problem, ok bool) {
	var d Describer
	if !errors.As(err, &d) {
		return Problem{}, false
	}
	if p = d.Problem(); p.Detail == "" {
		p.Detail = err.Error() + p.hint
	}
	return p, true
}

// Kind is an error that stands for one answer. Packages declare one for each case, and wrap it to add details.
type Kind struct {
	Text       string // of the error
	Title      string
	Status     int
	RetryAfter int    // seconds; 0 for none
	Hint       string // what the client should do; the answer ends with it
}

// Error implements error.
func (k Kind) Error() string { return k.Text }

// Problem implements Describer.
func (k Kind) Problem() Problem {
	p := Problem{Title: k.Title, Status: k.Status, RetryAfter: k.RetryAfter}
	if k.Hint != "" {
		p.hint = ": " + k.Hint
	}
	return p
}

// statusError is an answer with a status. No caller distinguishes it from others with that status.
type statusError struct {
	status int
	detail string
}

// New returns an error whose answer has a status, that status's title, and a detail.
func New(status int, detail string) error { return &statusError{status, detail} }

// Newf is New with a formatted detail.
func Newf(status int, format string, args ...any) error {
	return New(status, fmt.Sprintf(format, args...))
}

// Error implements error.
func (e *statusError) Error() string { return e.detail }

// Problem implements Describer.
func (e *statusError) Problem() Problem {
	return Problem{Title: http.StatusText(e.status), Status: e.status, Detail: e.detail}
}

// ParameterError is a query parameter that cannot be used.
type ParameterError struct {
	Name, Value string
	Want        string // what it must be
}

// Error implements error.
func (e *ParameterError) Error() string {
	return fmt.Sprintf("parameter %s=%q: must be %s", e.Name, printable.Line(e.Value, maxShown), e.Want)
}

// Problem implements Describer.
func (e *ParameterError) Problem() Problem {
	return Problem{Title: "Bad parameter", Status: http.StatusBadRequest, Parameter: e.Name}
}
