package access

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// enrol adds a user without hashing a password.
func enrol(d *File, name string, role Role, cameras ...string) error {
	if err := ValidateGrants(cameras); err != nil {
		return err
	}
	d.Users = append(d.Users, User{Name: name, Role: role, Cameras: cameras, Hash: d.Users[0].Hash, Enabled: true})
	return nil
}

// Of all grants that match a camera, the highest role counts. A grant without a role has the user's role.
func TestRoleFor(t *testing.T) {
	c := newCast(t)
	edit(t, c.file, func(d *File) error {
		d.Groups = append(d.Groups, Group{"greenhouse", []string{"gh-*", "bench-1"}})
		if err := enrol(d, "vera", Viewer, "porch=operator", "lab-*", "@greenhouse=operator", "gh-9=viewer"); err != nil {
			return err
		}
		if err := enrol(d, "olaf", Operator, "*=viewer", "porch", "@greenhouse"); err != nil {
			return err
		}
		return enrol(d, "adam", Admin, "porch=viewer", "garden")
	})
	b := load(t, c.file)
	for _, test := range []struct {
		user, camera string
		want         Role
	}{
		{"vera", "porch", Operator}, {"vera", "lab-1", Viewer}, {"vera", "gh-1", Operator}, {"vera", "gh-9", Operator},
		{"vera", "bench-1", Operator},
		{"vera", "bench-2", ""}, {"vera", "greenhouse", ""}, {"olaf", "porch", Operator}, {"olaf", "anything", Viewer},
		{"olaf", "bench-1", Operator},
		{"adam", "porch", Viewer}, {"adam", "garden", Operator}, {"adam", "attic", ""},
	} {
		u, _ := b.user(test.user)
		p := b.principal(u, MethodPassword)
		if got := p.RoleFor(test.camera); got != test.want || p.CanView(test.camera) != (test.want != "") ||
			p.CanControl(test.camera) != (test.want == Operator) {
			t.Errorf("%s has role %q for %s, want %q", test.user, got, test.camera, test.want)
		}
	}
	link := Principal{grants: []grant{{"porch", Viewer}}, Method: MethodLink}
	if link.CanControl("porch") || !Anonymous().CanControl("porch") || (Principal{}).RoleFor("porch") != "" {
		t.Error("a link, everybody, or nobody has another role")
	}
}

// A change of a group takes effect for connected users and counts as a change of their grants.
func TestGroupChanges(t *testing.T) {
	c := newCast(t)
	edit(t, c.file, func(d *File) error {
		if err := d.AddGroup("greenhouse", []string{"gh-*"}); err != nil {
			return err
		}
		return d.SetUser("anna", "", []string{"@greenhouse=operator"}, nil)
	})
	k := c.keeper(t)
	d := NewAuthenticator(k, testLog())
	p, err := d.Password(t.Context(), "192.0.2.1", "anna", c.annaPw)
	if err != nil || p.RoleFor("gh-1") != Operator {
		t.Fatalf("%v %v", p, err)
	}
	edit(t, c.file, func(d *File) error { return d.SetGroup("greenhouse", []string{"bench-1"}) })
	k.reloadIfChanged()
	again, ok := d.Revalidate(p, time.Now())
	if !ok || again.CanView("gh-1") || again.RoleFor("bench-1") != Operator || again.SameGrants(p) {
		t.Errorf("after the change: %v %+v", ok, again)
	}
	if said := ledger.said(); !strings.Contains(said, "audit=group.change") || !strings.Contains(said, "cameras=bench-1") {
		t.Error("no audit line of the change")
	}
}

func TestGroupEdits(t *testing.T) {
	c := newCast(t)
	edit(t, c.file, func(d *File) error {
		if err := d.AddGroup("greenhouse", []string{"gh-*"}); err != nil {
			return err
		}
		if err := d.SetUser("anna", "", []string{"porch", "@greenhouse=viewer"}, nil); err != nil {
			return err
		}
		if _, _, err := d.AddNarrowToken(Token{Owner: "root", Name: "sensor", Cameras: []string{"@greenhouse"}},
			0); err != nil {
			return err
		}
		_, err := d.AddConsumer("counter", []string{"@greenhouse"})
		return err
	})
	before := load(t, c.file)
	long := make([]string, 0)
	for name, test := range map[string]struct {
		change func(*File) error
		says   string
	}{
		"group twice":      {func(d *File) error { return d.AddGroup("greenhouse", []string{"x"}) }, "group set"},
		"group of nothing": {func(d *File) error { return d.AddGroup("none", long) }, "at least one"},
		"group of a group": {func(d *File) error { return d.AddGroup("two", []string{"@greenhouse"}) },
			"cameras only"},
		"group with a role": {func(d *File) error { return d.AddGroup("two", []string{"x=viewer"}) }, "x=viewer"},
		"group's name":      {func(d *File) error { return d.AddGroup("a=b", []string{"x"}) }, "a-z"},
		"no such group":     {func(d *File) error { return d.SetGroup("none", []string{"x"}) }, "group list"},
		"emptied":           {func(d *File) error { return d.SetGroup("greenhouse", nil) }, "at least one"},
		"in use by a user":  {func(d *File) error { return d.RemoveGroup("greenhouse") }, "user anna"},
		"in use by others":  {func(d *File) error { return d.RemoveGroup("greenhouse") }, "consumer counter"},
		"unknown group": {func(d *File) error { return d.SetUser("anna", "", []string{"@none"}, nil) },
			"user anna is granted @none"},
		"admin of a camera": {func(d *File) error { return d.SetUser("anna", "", []string{"porch=admin"}, nil) },
			"viewer or operator"},
		"no role": {func(d *File) error { return d.SetUser("anna", "", []string{"porch="}, nil) },
			"viewer or operator"},
		"two roles": {
			func(d *File) error { return d.SetUser("anna", "", []string{"porch=viewer=operator"}, nil) },
			"viewer or operator",
		},
		"consumer with role": {func(d *File) error { _, err := d.AddConsumer("x", []string{"porch=viewer"}); return err },
			"no role for a single camera"},
		"consumer of unknown": {func(d *File) error { _, err := d.AddConsumer("x", []string{"@none"}); return err },
			"consumer x is granted @none"},
		"token with role": {func(d *File) error {
			_, _, err := d.AddNarrowToken(Token{Owner: "root", Name: "x", Cameras: []string{"porch=viewer"}}, 0)
			return err
		}, "no role for a single camera"},
		"token of a role that is none": {func(d *File) error {
			_, _, err := d.AddNarrowToken(Token{Owner: "root", Name: "x", Role: "boss"}, 0)
			return err
		}, "boss"},
	} {
		if err := Edit(c.file, test.change); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	if after := load(t, c.file); !reflect.DeepEqual(after, before) {
		t.Error("a change that failed has changed something")
	}
}

// Older programs read a file without new features. For other files they say that a newer program is needed.
func TestVersions(t *testing.T) {
	c := newCast(t)
	version := func() int {
		t.Helper()
		data, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Version int `json:"version"`
		}
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), `"groups"`) != (file.Version == 2) {
			t.Errorf("version %d: %s", file.Version, data)
		}
		return file.Version
	}
	for _, step := range []struct {
		change func(*File) error
		want   int
	}{
		{func(*File) error { return nil }, 1},
		{func(d *File) error { return d.AddGroup("greenhouse", []string{"gh-*"}) }, 2},
		{func(d *File) error { return d.RemoveGroup("greenhouse") }, 1},
	} {
		edit(t, c.file, step.change)
		if got := version(); got != step.want {
			t.Errorf("the file has version %d, want %d", got, step.want)
		}
	}
	for name, change := range map[string]func(*File) error{
		"role": func(d *File) error { return d.SetUser("anna", "", []string{"porch=operator"}, nil) },
		"token": func(d *File) error {
			_, _, err := d.AddNarrowToken(Token{Owner: "anna", Name: "x", Role: Viewer}, 0)
			return err
		},
	} {
		d, err := parse(c.content)
		if err != nil {
			t.Fatal(err)
		}
		if err := change(d); err != nil || d.neededVersion() != 2 {
			t.Errorf("%s: %v, version %d", name, err, d.neededVersion())
		}
	}
}

// A token never has more rights than its owner. A token for some cameras has no right that concerns all cameras.
func TestNarrowTokens(t *testing.T) {
	c := newCast(t)
	texts := map[string]Token{
		"all": {Owner: "root"}, "read only": {Owner: "root", Role: Viewer},
		"one camera": {Owner: "root", Cameras: []string{"porch"}},
		"group":      {Owner: "root", Cameras: []string{"@greenhouse"}},
		"beyond":     {Owner: "anna", Role: Operator, Cameras: []string{"*"}},
	}
	tokens := map[string]string{}
	edit(t, c.file, func(d *File) error {
		d.Groups = []Group{{"greenhouse", []string{"gh-*"}}}
		for name, want := range texts {
			want.Name = "test"
			_, text, err := d.AddNarrowToken(want, 0)
			if err != nil {
				return err
			}
			tokens[name] = ledger.hide("token", text.Reveal()).Reveal()
		}
		return nil
	})
	d := NewAuthenticator(c.keeper(t), testLog())
	for _, test := range []struct {
		token, camera string
		want          Role
		admin, all    bool
	}{
		{"all", "porch", Operator, true, true}, {"read only", "porch", Viewer, false, true},
		{"one camera", "porch", Operator, false, false},
		{"one camera", "garden", "", false, false}, {"group", "gh-1", Operator, false, false},
		{"group", "porch", "", false, false},
		{"beyond", "porch", Viewer, false, false}, {"beyond", "garden", "", false, false},
	} {
		p, err := d.Token("192.0.2.1", ledger.hide("token", tokens[test.token]))
		if err != nil {
			t.Fatal(err)
		}
		again, ok := d.Revalidate(p, time.Now())
		for _, p := range []Principal{p, again} {
			if p.RoleFor(test.camera) != test.want || p.HasRole(Admin) != test.admin || p.CanViewAll() != test.all || !ok {
				t.Errorf("%s: role %q for %s, admin %v, all %v", test.token, p.RoleFor(test.camera), test.camera, p.HasRole(Admin),
					p.CanViewAll())
			}
		}
	}
}
