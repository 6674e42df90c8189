// Package access decides who may do what, by one credentials file: users, API tokens, signed links, agents and consumers.
package access

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
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
	ByNothing  = "nothing" // nobody is asked, since there are no credentials
	ByPassword = "password"
	ByToken    = "token"
	BySession  = "session"
	ByLink     = "link"
)

// Principal is somebody whose identity is proven, and what he may do. The zero value may do nothing.
type Principal struct {
	Name string // of the user; of a link "link"
	Role Role
	By   string // how the identity was proven

	Method string // of the login that began a session, if not a password: ByOIDC

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

// Everybody is who comes while nobody is asked.
func Everybody() Principal {
	return Principal{Name: "everybody", Role: Admin, By: ByNothing, grants: []grant{{"*", Operator}}}
}

// May reports whether he may see the camera with this id.
func (p Principal) May(camera string) bool { return p.RoleFor(camera) != "" }

// MayFormat reports whether he may see the camera in this format, such as mjpeg.
func (p Principal) MayFormat(camera, format string) bool {
	return p.May(camera) && (p.formats == nil || slices.Contains(p.formats, format))
}

// Proof tells apart several proofs of the same kind: the id of a token, or the expiry of a link.
// It is not secret.
func (p Principal) Proof() string {
	switch p.By {
	case ByToken:
		return p.token
	case ByLink:
		return "expires " + p.expires.UTC().Format(time.RFC3339)
	}
	return p.Method
}

// Formats returns those that a link is for; nil means all.
func (p Principal) Formats() []string { return slices.Clone(p.formats) }

// Has reports whether the principal has a role for actions that do not concern a single camera.
// RoleFor returns the role for one camera.
func (p Principal) Has(role Role) bool { return p.Role.AtLeast(role) && p.Role != "" }

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
			return fmt.Errorf("camera grant %q is not allowed: write a camera's id, or a part of it with *, for example lab-*", clip(g))
		}
	}
	return nil
}

// ValidateName returns nil if name may name a user, an agent, a consumer or a token.
func ValidateName(name string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	return fmt.Errorf("name %q is not allowed: use 1 to 63 of a-z, 0-9, '-', '_', '.' and '@', beginning with a letter or digit", clip(name))
}

// clip shortens what a stranger wrote, for an error or a log line.
func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "..."
	}
	return s
}
