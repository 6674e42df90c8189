package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/internal/printable"
)

// grant lets a principal see the cameras that match a glob, and gives a role for them.
type grant struct {
	glob string
	role Role // Viewer or Operator
}

// groupMark begins a grant that names a camera group.
const groupMark = "@"

// splitGrant parses a grant: GLOB or @GROUP, then =ROLE if the role differs from the principal's own.
func splitGrant(text string) (cameras string, role Role, hasRole bool) {
	cameras, suffix, hasRole := strings.Cut(text, "=")
	return cameras, Role(suffix), hasRole
}

// ValidateGrants returns nil if a user may have all of grants.
func ValidateGrants(grants []string) error {
	for _, g := range grants {
		cameras, role, hasRole := splitGrant(g)
		if hasRole && role != Viewer && role != Operator {
			return fmt.Errorf("camera grant %q is not allowed: the role after = must be viewer or operator", printable.Short(g))
		}
		if err := validateCameras(cameras); err != nil {
			return err
		}
	}
	return nil
}

// validateSelection checks camera grants without roles: those of consumers and of narrowed tokens.
func validateSelection(kind string, grants []string) error {
	for _, g := range grants {
		if strings.Contains(g, "=") {
			return fmt.Errorf("camera grant %q is not allowed: a %s has no role for a single camera; remove =ROLE",
				printable.Short(g), kind)
		}
		if err := validateCameras(g); err != nil {
			return err
		}
	}
	return nil
}

func validateCameras(text string) error {
	if group, ok := strings.CutPrefix(text, groupMark); ok {
		return validateGroupName(group)
	}
	return ValidateGlobs([]string{text})
}

// expand returns the globs of a grant: itself, or the globs of its group.
func (b *Snapshot) expand(cameras string) []string {
	if group, ok := strings.CutPrefix(cameras, groupMark); ok {
		return b.groups[group]
	}
	return []string{cameras}
}

// globs returns the globs of a selection; nil stays nil.
func (b *Snapshot) globs(selection []string) (globs []string) {
	for _, cameras := range selection {
		globs = append(globs, b.expand(cameras)...)
	}
	return globs
}

// resolve expands grants. A grant without a role gets the principal's role.
func (b *Snapshot) resolve(texts []string, own Role) (grants []grant) {
	for _, text := range texts {
		cameras, role, hasRole := splitGrant(text)
		if !hasRole {
			role = own
		}
		for _, glob := range b.expand(cameras) {
			grants = append(grants, grant{glob, atMost(role, Operator)})
		}
	}
	return grants
}

// atMost returns the lesser of two roles.
func atMost(role, most Role) Role {
	if role.AtLeast(most) {
		return most
	}
	return role
}

// RoleFor returns the principal's role for a camera: Viewer, Operator, or "" for none.
// Of all matching grants, the highest role counts.
func (p Principal) RoleFor(camera string) (role Role) {
	if p.only != nil && !granted(p.only, camera) {
		return ""
	}
	for _, g := range p.grants {
		if (role == "" || !role.AtLeast(g.role)) && granted([]string{g.glob}, camera) {
			role = g.role
		}
	}
	if role != "" && p.most != "" {
		role = atMost(role, p.most)
	}
	return role
}

// CanControl reports whether the principal may change the camera's settings.
func (p Principal) CanControl(camera string) bool { return p.RoleFor(camera) == Operator }

// CanViewAll reports whether the principal may see every camera, whatever its id.
func (p Principal) CanViewAll() bool {
	all := slices.ContainsFunc(p.grants, func(g grant) bool { return g.glob == "*" })
	return all && p.formats == nil && (p.only == nil || slices.Contains(p.only, "*"))
}

// SameGrants reports whether q has the same roles for the same cameras.
func (p Principal) SameGrants(q Principal) bool {
	return slices.Equal(p.grants, q.grants) && slices.Equal(p.only, q.only) && p.most == q.most
}

// narrow reduces a principal to what a token allows.
// A token that is narrowed to some cameras gives no right that concerns all cameras.
func (b *Snapshot) narrow(p Principal, t Token) Principal {
	if t.Role != "" {
		p.Role, p.most = atMost(p.Role, t.Role), t.Role
	}
	if t.Cameras != nil {
		p.only = append([]string{}, b.globs(t.Cameras)...) // not nil: a group without cameras allows none
		p.Role = atMost(p.Role, Operator)
	}
	return p
}

// validateNarrowing checks the role and the cameras that a token is narrowed to.
func (t Token) validateNarrowing() error {
	var err error
	if t.Role != "" {
		err = t.Role.validate()
	}
	if t.Cameras != nil && len(t.Cameras) == 0 {
		err = errors.Join(err, errors.New("it is narrowed to no camera: "+
			"name one, or leave cameras out for all cameras of its user"))
	}
	return errors.Join(err, validateSelection("token", t.Cameras))
}
