// Package authz decides which cameras and formats a principal may have. Authentication belongs to package auth, and the
// number of viewers to package viewers.
package authz

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/shared/subject"
)

// MaxKnown bounds the list of known cameras in an error.
const MaxKnown = 100

// Cameras are the hub's cameras, as far as a principal may view them.
type Cameras struct {
	Registry *cameras.Registry
}

// UnknownCameraError says that a camera is unknown, or that the principal may not view it. It wraps
// cameras.ErrUnknownCamera.
type UnknownCameraError struct {
	Err   error
	Known []string // some of the cameras that the principal may view
}

// Error implements error.
func (e *UnknownCameraError) Error() string {
	if len(e.Known) == 0 {
		return e.Err.Error() + ": no camera is known yet"
	}
	return e.Err.Error() + ": known cameras are " + strings.Join(e.Known, ", ")
}

// Unwrap returns the error without the list.
func (e *UnknownCameraError) Unwrap() error { return e.Err }

// Problem implements problem.Describer.
func (e *UnknownCameraError) Problem() problem.Problem {
	return problem.Problem{Title: "Unknown camera", Status: http.StatusNotFound, Cameras: e.Known}
}

// Lookup returns a camera by its id. One that the principal may not view is unknown to them: the error is an
// *UnknownCameraError then.
func (a Cameras) Lookup(p auth.Principal, id string) (*cameras.Camera, error) {
	if err := a.ValidateID(p, id); err != nil {
		return nil, err
	}
	if !p.CanView(id) {
		return nil, a.unknown(p, fmt.Errorf("%w %q", cameras.ErrUnknownCamera, id))
	}
	cam, err := a.Registry.Camera(id)
	if err != nil {
		return nil, a.unknown(p, err)
	}
	return cam, nil
}

// Nth returns the camera with a number, from 1 on, in the order of Ordered.
func (a Cameras) Nth(p auth.Principal, n int, first string) (*cameras.Camera, error) {
	list := a.Ordered(p, first)
	if n < 1 || n > len(list) {
		return nil, a.unknown(p, fmt.Errorf("%w: there is no camera number %d", cameras.ErrUnknownCamera, n))
	}
	return list[n-1], nil
}

// unknown adds the list of known cameras to an error.
func (a Cameras) unknown(p auth.Principal, err error) error {
	e := &UnknownCameraError{Err: err}
	for _, c := range a.List(p) {
		if len(e.Known) == MaxKnown {
			break
		}
		e.Known = append(e.Known, c.ID())
	}
	return e
}

// List returns the cameras that the principal may view, sorted by id.
func (a Cameras) List(p auth.Principal) (list []*cameras.Camera) {
	for _, cam := range a.Registry.Cameras() {
		if p.CanView(cam.ID()) {
			list = append(list, cam)
		}
	}
	return list
}

// Ordered returns the cameras that the principal may view: the one with the id first, then the others by id.
func (a Cameras) Ordered(p auth.Principal, first string) []*cameras.Camera {
	list := a.List(p)
	if i := slices.IndexFunc(list, func(c *cameras.Camera) bool { return c.ID() == first }); i > 0 {
		cam := list[i]
		list = slices.Insert(slices.Delete(list, i, i+1), 0, cam)
	}
	return list
}

// ValidateID refuses what cannot be a camera's id. The error is an *UnknownCameraError.
func (a Cameras) ValidateID(p auth.Principal, id string) error {
	if err := subject.ValidateID(id); err != nil {
		return a.unknown(p, fmt.Errorf("%w: %w", cameras.ErrUnknownCamera, err))
	}
	return nil
}

// CheckFormat refuses a format that the principal's signed link is not for.
func CheckFormat(p auth.Principal, camera, format string) error {
	if p.CanViewFormat(camera, format) {
		return nil
	}
	return problem.Newf(http.StatusForbidden, "the signed link is for .%s: make one for .%s (bramble-hub link)",
		strings.Join(p.Formats(), ", ."), format)
}

// Forbidden says what an authenticated principal lacks.
func Forbidden(p auth.Principal, need string) error {
	has := fmt.Sprintf("user %s has the role %s", p.Name, p.Role)
	if p.Method == auth.MethodLink {
		has = "the request has a signed link"
	}
	return problem.Newf(http.StatusForbidden, "this requires %s: %s", need, has)
}
