package credstore_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/permission"
)

// enroll adds a user without hashing a password.
func enroll(d *credstore.File, name string, role permission.Role, cameras ...string) error {
	if err := credstore.ValidateGrants(cameras); err != nil {
		return err
	}
	d.Users = append(d.Users, credstore.User{Name: name, Role: role, Cameras: cameras, Hash: d.Users[0].Hash,
		Enabled: true})
	return nil
}

func TestGroupEdits(t *testing.T) {
	c := credstoretest.New(t, secrets)
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error {
		if err := d.AddGroup("greenhouse", []string{"gh-*"}); err != nil {
			return err
		}
		if err := d.SetUser("anna", "", []string{"porch", "@greenhouse=viewer"}, nil); err != nil {
			return err
		}
		if _, _, err := d.AddNarrowToken(credstore.Token{Owner: "root", Name: "sensor", Cameras: []string{"@greenhouse"}},
			0); err != nil {
			return err
		}
		_, err := d.AddConsumer("counter", []string{"@greenhouse"})
		return err
	})
	before := credstoretest.Load(t, c.Path)
	long := make([]string, 0)
	for name, test := range map[string]struct {
		change func(*credstore.File) error
		says   string
	}{
		"group twice":      {func(d *credstore.File) error { return d.AddGroup("greenhouse", []string{"x"}) }, "group set"},
		"group of nothing": {func(d *credstore.File) error { return d.AddGroup("none", long) }, "at least one"},
		"group of a group": {func(d *credstore.File) error { return d.AddGroup("two", []string{"@greenhouse"}) },
			"cameras only"},
		"group with a role": {func(d *credstore.File) error { return d.AddGroup("two", []string{"x=viewer"}) }, "x=viewer"},
		"group's name":      {func(d *credstore.File) error { return d.AddGroup("a=b", []string{"x"}) }, "a-z"},
		"no such group":     {func(d *credstore.File) error { return d.SetGroup("none", []string{"x"}) }, "group list"},
		"emptied":           {func(d *credstore.File) error { return d.SetGroup("greenhouse", nil) }, "at least one"},
		"in use by a user":  {func(d *credstore.File) error { return d.RemoveGroup("greenhouse") }, "user anna"},
		"in use by others":  {func(d *credstore.File) error { return d.RemoveGroup("greenhouse") }, "consumer counter"},
		"unknown group": {func(d *credstore.File) error { return d.SetUser("anna", "", []string{"@none"}, nil) },
			"user anna is granted @none"},
		"admin of a camera": {func(d *credstore.File) error { return d.SetUser("anna", "", []string{"porch=admin"}, nil) },
			"viewer or operator"},
		"no role": {func(d *credstore.File) error { return d.SetUser("anna", "", []string{"porch="}, nil) },
			"viewer or operator"},
		"two roles": {
			func(d *credstore.File) error { return d.SetUser("anna", "", []string{"porch=viewer=operator"}, nil) },
			"viewer or operator",
		},
		"consumer with role": {func(d *credstore.File) error {
			_,
				err := d.AddConsumer("x", []string{"porch=viewer"})
			return err
		},
			"no role for a single camera"},
		"consumer of unknown": {func(d *credstore.File) error { _, err := d.AddConsumer("x", []string{"@none"}); return err },
			"consumer x is granted @none"},
		"token with role": {func(d *credstore.File) error {
			_, _, err := d.AddNarrowToken(credstore.Token{Owner: "root", Name: "x", Cameras: []string{"porch=viewer"}}, 0)
			return err
		}, "no role for a single camera"},
		"token of a role that is none": {func(d *credstore.File) error {
			_, _, err := d.AddNarrowToken(credstore.Token{Owner: "root", Name: "x", Role: "boss"}, 0)
			return err
		}, "boss"},
	} {
		if err := credstore.Edit(c.Path, test.change); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	if after := credstoretest.Load(t, c.Path); !reflect.DeepEqual(after, before) {
		t.Error("a change that failed has changed something")
	}
}
