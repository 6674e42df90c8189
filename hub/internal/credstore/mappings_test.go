package credstore_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/permission"
)

// mapped adds mappings to a file.
func mapped(t *testing.T, file string) {
	t.Helper()
	credstoretest.Edit(t, file, func(d *credstore.File) error {
		d.Groups = append(d.Groups, credstore.Group{Name: "greenhouse", Cameras: []string{"gh-*"}})
		return errors.Join(
			d.AddMapping(credstore.Mapping{Who: "group:Lab Staff", Role: permission.Operator,
				Cameras: []string{"lab-*", "@greenhouse=viewer"}}),
			d.AddMapping(credstore.Mapping{Who: "group:/admins", Role: permission.Admin, Cameras: []string{"attic"}}),
			d.AddMapping(credstore.Mapping{Who: "user:anna@example.org", Role: permission.Viewer, Cameras: []string{"porch"}}),
			d.AddMapping(credstore.Mapping{Who: "user:root", Role: permission.Viewer, Cameras: []string{"porch"}}),
			d.AddMapping(credstore.Mapping{Who: "user:gone", Role: permission.Viewer, Cameras: []string{"porch"}}),
		)
	})
}

func TestMappingEdits(t *testing.T) {
	c := credstoretest.New(t, secrets)
	mapped(t, c.Path)
	before := credstoretest.Load(t, c.Path)
	for name, test := range map[string]struct {
		change func(*credstore.File) error
		says   string
	}{
		"twice": {func(d *credstore.File) error {
			return d.AddMapping(credstore.Mapping{Who: "user:root", Role: permission.Viewer, Cameras: []string{"x"}})
		},
			"mapping set"},
		"of an unknown person": {func(d *credstore.File) error {
			return d.AddMapping(credstore.Mapping{Who: "anna", Role: permission.Viewer, Cameras: []string{"x"}})
		},
			"group:NAME"},
		"of no name": {func(d *credstore.File) error {
			return d.AddMapping(credstore.Mapping{Who: "group:", Role: permission.Viewer, Cameras: []string{"x"}})
		}, "empty"},
		"role": {func(d *credstore.File) error {
			return d.AddMapping(credstore.Mapping{Who: "group:x", Role: "boss", Cameras: []string{"x"}})
		}, "boss"},
		"grant": {func(d *credstore.File) error {
			return d.AddMapping(credstore.Mapping{Who: "group:x", Role: permission.Viewer, Cameras: []string{"x=boss"}})
		},
			"x=boss"},
		"unknown group": {func(d *credstore.File) error {
			return d.AddMapping(credstore.Mapping{Who: "group:x", Role: permission.Viewer, Cameras: []string{"@none"}})
		},
			"mapping group:x is granted @none"},
		"set none": {func(d *credstore.File) error { return d.SetMapping("group:x", permission.Viewer, nil) },
			"mapping list"}, "remove none": {func(d *credstore.File) error { return d.RemoveMapping("group:x") },
			"mapping list"},
		"group in use": {func(d *credstore.File) error { return d.RemoveGroup("greenhouse") }, "mapping group:Lab Staff"},
	} {
		if err := credstore.Edit(c.Path, test.change); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	if after := credstoretest.Load(t, c.Path); !reflect.DeepEqual(after, before) {
		t.Error("a change that failed has changed something")
	}
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error { return d.RemoveMapping("user:root") })
	if got := len(credstoretest.Load(t, c.Path).Mappings()); got != 4 {
		t.Errorf("%d mappings are left", got)
	}
}
