package credstore

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/printable"
)

// Group is a list of cameras under one name, for grants: @NAME.
type Group struct {
	Name    string   `json:"name"`
	Cameras []string `json:"cameras"` // globs
}

// groupPattern excludes the characters that separate a group's name from the rest of a grant.
var groupPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

func validateGroupName(name string) error {
	if groupPattern.MatchString(name) {
		return nil
	}
	return fmt.Errorf("camera group %q is not allowed: "+
		"use 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit", printable.Short(name))
}

func (g Group) validate() error {
	if err := validateGroupName(g.Name); err != nil {
		return err
	}
	if len(g.Cameras) == 0 {
		return fmt.Errorf("camera group %s has no cameras: name at least one, for example 'lab-*'", g.Name)
	}
	for _, c := range g.Cameras {
		if strings.HasPrefix(c, groupMark) {
			return fmt.Errorf("camera group %s: %q names a group: a group holds cameras only", g.Name,
				printable.Short(c))
		}
	}
	if err := permission.ValidateGlobs(g.Cameras); err != nil {
		return fmt.Errorf("camera group %s: %w", g.Name, err)
	}
	return nil
}

func (f *File) group(name string) (int, error) {
	return index(f.Groups, "group", name, func(g Group) string { return g.Name })
}

// AddGroup adds a camera group.
func (f *File) AddGroup(name string, cameras []string) error {
	if _, err := f.group(name); err == nil {
		return fmt.Errorf("there is a camera group %q already: change it with \"bramble-hub group set\"", name)
	}
	g := Group{name, cameras}
	f.Groups = append(f.Groups, g)
	return g.validate()
}

// SetGroup changes the cameras of a group, for everyone with a grant of the group.
func (f *File) SetGroup(name string, cameras []string) error {
	i, err := f.group(name)
	if err != nil {
		return err
	}
	f.Groups[i].Cameras = cameras
	return f.Groups[i].validate()
}

// RemoveGroup removes a camera group that no grant names.
func (f *File) RemoveGroup(name string) error {
	i, err := f.group(name)
	if err != nil {
		return err
	}
	var users []string
	for _, g := range f.grantees() {
		if slices.Contains(g.groups(), name) {
			users = append(users, g.who)
		}
	}
	if len(users) > 0 {
		return fmt.Errorf("camera group %s is in use by %s: change their cameras first", name, strings.Join(users,
			", "))
	}
	f.Groups = slices.Delete(f.Groups, i, i+1)
	return nil
}

// grantee is an entry of the file with camera grants.
type grantee struct {
	who    string
	grants []string
}

// groups returns the names of the groups in the grants.
func (g grantee) groups() (names []string) {
	for _, text := range g.grants {
		cameras, _, _ := splitGrant(text)
		if name, ok := strings.CutPrefix(cameras, groupMark); ok {
			names = append(names, name)
		}
	}
	return names
}

func (f *File) grantees() (list []grantee) {
	for _, u := range f.Users {
		list = append(list, grantee{"user " + u.Name, u.Cameras})
	}
	for _, t := range f.Tokens {
		list = append(list, grantee{"token " + t.ID, t.Cameras})
	}
	for _, m := range f.Mappings {
		list = append(list, grantee{"mapping " + m.Who, m.Cameras})
	}
	for _, c := range f.Consumers {
		list = append(list, grantee{"consumer " + c.Name, c.Cameras})
	}
	return list
}

// validateGroups checks the groups, and that each group in a grant exists.
func (f *File) validateGroups() error {
	known := make(map[string]bool)
	for _, g := range f.Groups {
		if err := g.validate(); err != nil {
			return err
		}
		if known[g.Name] {
			return fmt.Errorf("camera group %s: there is a second group of this name", g.Name)
		}
		known[g.Name] = true
	}
	var missing []error
	for _, g := range f.grantees() {
		for _, name := range g.groups() {
			if !known[name] {
				missing = append(missing, fmt.Errorf("%s is granted %s%s, but there is no such camera group: "+
					"add it with \"bramble-hub group add %s\"", printable.Short(g.who), groupMark,
					printable.Short(name), printable.Short(name)))
			}
		}
	}
	return errors.Join(missing...)
}
