// Package permission holds what an authenticated principal may do: its role, and its grants of cameras.
// Who a principal is belongs to package auth. Where grants are kept belongs to package credstore.
package permission

import (
	"slices"
)

// Set is what a principal may do. The zero value permits nothing.
type Set struct {
	Role Role // for actions that do not concern a single camera

	grants  []Grant
	only    []string // globs of the cameras that a token is narrowed to; nil means all
	most    Role     // the highest role of that token; "" means no bound
	formats []string // of a signed link; nil means all
}

// New returns the permissions of a role and of grants. The role of a grant counts as Operator at most.
func New(role Role, grants []Grant) Set { return Set{Role: role, grants: grants} }

// All returns the permissions of every client while authentication is off.
func All() Set { return New(Admin, []Grant{{"*", Operator}}) }

// ForLink returns the permissions of a signed link to a camera.
func ForLink(camera string, formats []string) Set {
	return Set{Role: Viewer, grants: []Grant{{camera, Viewer}}, formats: formats}
}

// Narrow returns s reduced to what a token allows: a highest role, unless it is "", and cameras, unless globs is nil.
// A token that is narrowed to some cameras gives no right that concerns all cameras.
func (s Set) Narrow(most Role, globs []string) Set {
	if most != "" {
		s.Role, s.most = s.Role.AtMost(most), most
	}
	if globs != nil {
		s.only = globs
		s.Role = s.Role.AtMost(Operator)
	}
	return s
}

// HasRole reports whether the set includes a role for actions that do not concern a single camera.
// RoleFor returns the role for one camera.
func (s Set) HasRole(role Role) bool { return s.Role.AtLeast(role) && s.Role != "" }

// RoleFor returns the role for a camera: Viewer, Operator, or "" for none.
// Of all matching grants, the highest role counts.
func (s Set) RoleFor(camera string) (role Role) {
	if s.only != nil && !Match(s.only, camera) {
		return ""
	}
	for _, g := range s.grants {
		if (role == "" || !role.AtLeast(g.Role)) && Match([]string{g.Glob}, camera) {
			role = g.Role
		}
	}
	if role != "" && s.most != "" {
		role = role.AtMost(s.most)
	}
	return role
}

// CanView reports whether the set permits to see the camera with this id.
func (s Set) CanView(camera string) bool { return s.RoleFor(camera) != "" }

// CanViewFormat reports whether the set permits to see the camera in this format, such as mjpeg.
func (s Set) CanViewFormat(camera, format string) bool {
	return s.CanView(camera) && (s.formats == nil || slices.Contains(s.formats, format))
}

// CanControl reports whether the set permits to change the camera's settings.
func (s Set) CanControl(camera string) bool { return s.RoleFor(camera) == Operator }

// CanViewAll reports whether the set permits to see every camera, whatever its id.
func (s Set) CanViewAll() bool {
	all := slices.ContainsFunc(s.grants, func(g Grant) bool { return g.Glob == "*" })
	return all && s.formats == nil && (s.only == nil || slices.Contains(s.only, "*"))
}

// Formats returns the formats that a signed link is for; nil means all.
func (s Set) Formats() []string { return slices.Clone(s.formats) }

// SameGrants reports whether other gives the same roles for the same cameras.
func (s Set) SameGrants(other Set) bool {
	return slices.Equal(s.grants, other.grants) && slices.Equal(s.only, other.only) && s.most == other.most
}
