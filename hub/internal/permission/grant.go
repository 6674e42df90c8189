package permission

import (
	"fmt"
	"path"
	"regexp"
	"slices"

	"github.com/bramble-cam/bramble/internal/printable"
)

// Grant gives a role for the cameras whose ids match a glob.
type Grant struct {
	Glob string
	Role Role // Viewer or Operator
}

var globPattern = regexp.MustCompile(`^[a-z0-9*][a-z0-9*-]{0,62}$`)

// maxShown bounds a glob in an error, in bytes.
const maxShown = 64

// Match reports whether one of globs matches a camera's id. In a valid glob only * is special.
func Match(globs []string, camera string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := path.Match(glob, camera)
		return ok && err == nil
	})
}

// ValidateGlobs refuses texts that are no globs of camera ids.
func ValidateGlobs(globs []string) error {
	for _, g := range globs {
		if !globPattern.MatchString(g) {
			return fmt.Errorf("camera grant %q is not allowed: "+
				"write a camera's id, or a part of it with *, for example lab-*", printable.Truncate(g, maxShown))
		}
	}
	return nil
}
