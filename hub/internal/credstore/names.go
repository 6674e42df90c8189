package credstore

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/bramble-cam/bramble/internal/printable"
)

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,62}$`)

// ValidateName returns nil if name may name a user, an agent, a consumer or a token.
func ValidateName(name string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	return fmt.Errorf("name %q is not allowed: use 1 to 63 of a-z, 0-9, '-', '_', '.' and '@', "+
		"beginning with a letter or digit", printable.Short(name))
}

func unique(seen map[string]bool, kind, name string) error {
	if err := ValidateName(name); err != nil {
		return err
	}
	if seen[name] {
		return fmt.Errorf("there is a second %s of this name", kind)
	}
	seen[name] = true
	return nil
}

// index finds an entry by its name.
func index[T any](list []T, kind, name string, nameOf func(T) string) (int, error) {
	if i := slices.IndexFunc(list, func(entry T) bool { return nameOf(entry) == name }); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("there is no %s %q: \"bramble-hub %s list\" shows all", kind, printable.Short(name), kind)
}
