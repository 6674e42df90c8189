package permission

import (
	"fmt"
	"slices"
)

// Role ranks what a user may do.
type Role string

// The roles. Each includes those before it.
const (
	Viewer   Role = "viewer"   // sees cameras
	Operator Role = "operator" // changes the settings of cameras
	Admin    Role = "admin"    // everything else
)

// Roles returns all roles, the lowest first.
func Roles() []Role { return []Role{Viewer, Operator, Admin} }

// AtLeast reports whether r includes want.
func (r Role) AtLeast(want Role) bool {
	return slices.Index(Roles(), r) >= max(slices.Index(Roles(), want), 0)
}

// AtMost returns the lower of r and most.
func (r Role) AtMost(most Role) Role {
	if r.AtLeast(most) {
		return most
	}
	return r
}

// Validate refuses unknown roles.
func (r Role) Validate() error {
	if slices.Contains(Roles(), r) {
		return nil
	}
	return fmt.Errorf("role %q is not known: give viewer, operator or admin", string(r))
}
