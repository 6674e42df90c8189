package credstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/printable"
)

// Mapping gives a role and cameras to people that a proxy or an identity provider has identified.
type Mapping struct {
	Who     string          `json:"who"` // user:NAME, group:NAME or everyone
	Role    permission.Role `json:"role"`
	Cameras []string        `json:"cameras"` // as of a User
}

// The prefixes of Mapping.Who, and the value that matches everyone.
const (
	mapsUser  = "user:"
	mapsGroup = "group:"
	mapsAll   = "everyone"
)

// maxExternalName bounds the external name of a person or a group, in bytes.
const maxExternalName = 256

// ValidateMapped returns nil if a mapping may have this Who.
func ValidateMapped(who string) error {
	if who == mapsAll {
		return nil
	}
	for _, kind := range []string{mapsUser, mapsGroup} {
		if name, ok := strings.CutPrefix(who, kind); ok {
			return ValidateExternalName(strings.TrimSuffix(kind, ":"), name)
		}
	}
	return fmt.Errorf("%q is no valid mapping: write group:NAME, user:NAME or %s", printable.Short(who), mapsAll)
}

// ValidateExternalName checks a name from a proxy or an identity provider. It appears in log lines and on pages.
func ValidateExternalName(kind, name string) error {
	bad := !utf8.ValidString(name) || strings.TrimSpace(name) != name ||
		strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	switch {
	case name == "":
		return fmt.Errorf("the name of the %s is empty", kind)
	case len(name) > maxExternalName:
		return fmt.Errorf("the name of the %s is longer than %d bytes", kind, maxExternalName)
	case bad:
		return fmt.Errorf("the name of the %s has an unprintable character, or a space at its start or end", kind)
	}
	return nil
}

func (m Mapping) validate() error {
	return errors.Join(ValidateMapped(m.Who), m.Role.Validate(), ValidateGrants(m.Cameras))
}

// Matches reports whether a mapping applies to a person with this name and these groups.
func (m Mapping) Matches(name string, groups []string) bool {
	if group, ok := m.Group(); ok {
		return slices.Contains(groups, group)
	}
	return m.Who == mapsAll || m.Who == mapsUser+name
}

// Group returns the name of the group that a mapping is for, if it is for a group.
func (m Mapping) Group() (name string, ok bool) { return strings.CutPrefix(m.Who, mapsGroup) }

func (f *File) mapping(who string) (int, error) {
	return index(f.Mappings, "mapping", who, func(m Mapping) string { return m.Who })
}

// AddMapping adds a mapping.
func (f *File) AddMapping(m Mapping) error {
	if _, err := f.mapping(m.Who); err == nil {
		return fmt.Errorf("there is a mapping of %q already: change it with \"bramble-hub mapping set\"",
			printable.Short(m.Who))
	}
	f.Mappings = append(f.Mappings, m)
	return m.validate()
}

// SetMapping replaces the role and the cameras of a mapping, unless they are empty or nil.
func (f *File) SetMapping(who string, role permission.Role, cameras []string) error {
	i, err := f.mapping(who)
	if err != nil {
		return err
	}
	m := &f.Mappings[i]
	if role != "" {
		m.Role = role
	}
	if cameras != nil {
		m.Cameras = cameras
	}
	return m.validate()
}

// RemoveMapping removes a mapping.
func (f *File) RemoveMapping(who string) error {
	i, err := f.mapping(who)
	if err != nil {
		return err
	}
	f.Mappings = slices.Delete(f.Mappings, i, i+1)
	return nil
}

func (f *File) validateMappings() error {
	seen := make(map[string]bool)
	for _, m := range f.Mappings {
		if err := m.validate(); err != nil {
			return fmt.Errorf("mapping %q: %w", printable.Short(m.Who), err)
		}
		if seen[m.Who] {
			return fmt.Errorf("mapping %q: there is a second one", printable.Short(m.Who))
		}
		seen[m.Who] = true
	}
	return nil
}
