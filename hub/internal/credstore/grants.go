package credstore

import (
	"fmt"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/printable"
)

// groupMark begins a grant that names a camera group.
const groupMark = "@"

// splitGrant parses a grant: GLOB or @GROUP, then =ROLE if the role differs from the principal's own.
func splitGrant(text string) (cameras string, role permission.Role, hasRole bool) {
	cameras, suffix, hasRole := strings.Cut(text, "=")
	return cameras, permission.Role(suffix), hasRole
}

// ValidateGrants returns nil if a user may have all of grants.
func ValidateGrants(grants []string) error {
	for _, g := range grants {
		cameras, role, hasRole := splitGrant(g)
		if hasRole && role != permission.Viewer && role != permission.Operator {
			return fmt.Errorf("camera grant %q is not allowed: the role after = must be viewer or operator",
				printable.Short(g))
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
	return permission.ValidateGlobs([]string{text})
}

// expand returns the globs of a grant: itself, or the globs of its group.
func (s *Snapshot) expand(cameras string) []string {
	if group, ok := strings.CutPrefix(cameras, groupMark); ok {
		return s.groups[group]
	}
	return []string{cameras}
}

// globs returns the globs of a selection; nil stays nil.
func (s *Snapshot) globs(selection []string) (globs []string) {
	for _, cameras := range selection {
		globs = append(globs, s.expand(cameras)...)
	}
	return globs
}

// resolve expands grants. A grant without a role gets the principal's role.
func (s *Snapshot) resolve(texts []string, own permission.Role) (grants []permission.Grant) {
	for _, text := range texts {
		cameras, role, hasRole := splitGrant(text)
		if !hasRole {
			role = own
		}
		for _, glob := range s.expand(cameras) {
			grants = append(grants, permission.Grant{Glob: glob, Role: role.AtMost(permission.Operator)})
		}
	}
	return grants
}
