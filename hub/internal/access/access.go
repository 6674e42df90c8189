// Package access decides who may do what, by one credentials file: users, API tokens, signed links, agents and consumers.
package access

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/internal/printable"
)

// Role is what a user may do beside looking.
type Role string

// The roles; each may do what those before it may.
const (
	Viewer   Role = "viewer"   // sees cameras
	Operator Role = "operator" // changes their settings
	Admin    Role = "admin"    // everything else
)

// Roles returns all roles, the least one first.
func Roles() []Role { return []Role{Viewer, Operator, Admin} }

// AtLeast reports whether r may do what want may.
func (r Role) AtLeast(want Role) bool {
	return slices.Index(Roles(), r) >= max(slices.Index(Roles(), want), 0)
}

func (r Role) validate() error {
	if slices.Contains(Roles(), r) {
		return nil
	}
	return fmt.Errorf("role %q is not known: give viewer, operator or admin", string(r))
}

// How somebody proved who he is.
const (
	MethodNone     = "nothing" // nobody is asked, since there are no credentials
	MethodPassword = "password"
	MethodToken    = "token"
	MethodSession  = "session"
	MethodLink     = "link"
)

// Principal is somebody whose identity is proven, and what he may do. The zero value may do nothing.
type Principal struct {
	Name   string // of the user; of a link "link"
	Role   Role
	Method string // how the identity was proven

	LoginMethod string // of the login that began a session, if not a password: MethodOIDC

	grants  []grant
	only    []string // globs of the cameras that a token is narrowed to; nil means all
	most    Role     // the highest role of that token; "" means no bound
	formats []string // of a link; nil means all

	external *Identity // of a person who is not a user in the file

	// By which Door.Again knows whether the proof is still good.
	generation string    // of a user
	session    *session  // of a cookie
	token      string    // id
	key        []byte    // that signed a link or a cookie
	expires    time.Time // zero: never
}

// Anonymous is who comes while nobody is asked.
func Anonymous() Principal {
	return Principal{Name: "everybody", Role: Admin, Method: MethodNone, grants: []grant{{"*", Operator}}}
}

// CanView reports whether he may see the camera with this id.
func (p Principal) CanView(camera string) bool { return p.RoleFor(camera) != "" }

// CanViewFormat reports whether he may see the camera in this format, such as mjpeg.
func (p Principal) CanViewFormat(camera, format string) bool {
	return p.CanView(camera) && (p.formats == nil || slices.Contains(p.formats, format))
}

// Proof tells apart several proofs of the same kind: the id of a token, or the expiry of a link.
// It is not secret.
func (p Principal) Proof() string {
	switch p.Method {
	case MethodToken:
		return p.token
	case MethodLink:
		return "expires " + p.expires.UTC().Format(time.RFC3339)
	}
	return p.LoginMethod
}

// Formats returns those that a link is for; nil means all.
func (p Principal) Formats() []string { return slices.Clone(p.formats) }

// HasRole reports whether the principal has a role for actions that do not concern a single camera.
// RoleFor returns the role for one camera.
func (p Principal) HasRole(role Role) bool { return p.Role.AtLeast(role) && p.Role != "" }

var (
	globPattern = regexp.MustCompile(`^[a-z0-9*][a-z0-9*-]{0,62}$`)
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,62}$`)
)

// granted reports whether a glob fits a camera's id. In a glob, which is checked when it is read, only * is special.
func granted(globs []string, camera string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := path.Match(glob, camera)
		return ok && err == nil
	})
}

// ValidateGlobs returns nil if all of globs may be camera grants.
func ValidateGlobs(globs []string) error {
	for _, g := range globs {
		if !globPattern.MatchString(g) {
			return fmt.Errorf("camera grant %q is not allowed: write a camera's id, or a part of it with *, for example lab-*", printable.Short(g))
		}
	}
	return nil
}

// ValidateName returns nil if name may name a user, an agent, a consumer or a token.
func ValidateName(name string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	return fmt.Errorf("name %q is not allowed: use 1 to 63 of a-z, 0-9, '-', '_', '.' and '@', beginning with a letter or digit", printable.Short(name))
}
