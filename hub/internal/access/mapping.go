package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bramble-cam/bramble/internal/printable"
)

// Mapping gives a role and cameras to people that a proxy or an identity provider has identified.
type Mapping struct {
	Who     string   `json:"who"` // user:NAME, group:NAME or everyone
	Role    Role     `json:"role"`
	Cameras []string `json:"cameras"` // as of a User
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
			return validateExternal(strings.TrimSuffix(kind, ":"), name)
		}
	}
	return fmt.Errorf("%q is no valid mapping: write group:NAME, user:NAME or %s", printable.Short(who), mapsAll)
}

// validateExternal checks a name from a proxy or an identity provider. It appears in log lines and on pages.
func validateExternal(kind, name string) error {
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
	return errors.Join(ValidateMapped(m.Who), m.Role.validate(), ValidateGrants(m.Cameras))
}

// fits reports whether a mapping applies to a person.
func (m Mapping) fits(id Identity) bool {
	if group, ok := strings.CutPrefix(m.Who, mapsGroup); ok {
		return slices.Contains(id.Groups, group)
	}
	return m.Who == mapsAll || m.Who == mapsUser+id.Name
}

func (d *File) mapping(who string) (int, error) {
	return index(d.Mappings, "mapping", who, func(m Mapping) string { return m.Who })
}

// AddMapping adds a mapping.
func (d *File) AddMapping(m Mapping) error {
	if _, err := d.mapping(m.Who); err == nil {
		return fmt.Errorf("there is a mapping of %q already: change it with \"bramble-hub mapping set\"", printable.Short(m.Who))
	}
	d.Mappings = append(d.Mappings, m)
	return m.validate()
}

// SetMapping replaces the role and the cameras of a mapping, unless they are empty or nil.
func (d *File) SetMapping(who string, role Role, cameras []string) error {
	i, err := d.mapping(who)
	if err != nil {
		return err
	}
	m := &d.Mappings[i]
	if role != "" {
		m.Role = role
	}
	if cameras != nil {
		m.Cameras = cameras
	}
	return m.validate()
}

// RemoveMapping removes a mapping.
func (d *File) RemoveMapping(who string) error {
	i, err := d.mapping(who)
	if err != nil {
		return err
	}
	d.Mappings = slices.Delete(d.Mappings, i, i+1)
	return nil
}

func (d *File) validateMappings() error {
	seen := make(map[string]bool)
	for _, m := range d.Mappings {
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
