package access

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// mapped adds mappings to a file.
func mapped(t *testing.T, file string) {
	t.Helper()
	edit(t, file, func(d *File) error {
		d.Groups = append(d.Groups, Group{"greenhouse", []string{"gh-*"}})
		return errors.Join(
			d.AddMapping(Mapping{"group:Lab Staff", Operator, []string{"lab-*", "@greenhouse=viewer"}}),
			d.AddMapping(Mapping{"group:/admins", Admin, []string{"attic"}}),
			d.AddMapping(Mapping{"user:anna@example.org", Viewer, []string{"porch"}}),
			d.AddMapping(Mapping{"user:root", Viewer, []string{"porch"}}),
			d.AddMapping(Mapping{"user:gone", Viewer, []string{"porch"}}),
		)
	})
}

// The grants of several mappings add up. An external person gets nothing from a user of the same name in the file.
func TestExternal(t *testing.T) {
	c := newCast(t)
	mapped(t, c.file)
	b := load(t, c.file)
	long := make([]string, 1001)
	for name, test := range map[string]struct {
		id    Identity
		roles map[string]Role
		admin bool
		fails string
	}{
		"group": {id: Identity{"zoe", []string{"x", "Lab Staff"}},
			roles: map[string]Role{"lab-1": Operator, "gh-1": Viewer, "porch": "", "attic": ""}},
		"user": {id: Identity{"anna@example.org", nil}, roles: map[string]Role{"porch": Viewer, "lab-1": ""}},
		"both": {id: Identity{"anna@example.org", []string{"Lab Staff"}},
			roles: map[string]Role{"porch": Viewer, "lab-1": Operator}},
		"admin": {id: Identity{"zoe", []string{"/admins"}}, roles: map[string]Role{"attic": Operator, "porch": ""},
			admin: true},
		"namesake":       {id: Identity{"root", nil}, roles: map[string]Role{"porch": Viewer, "garden": ""}},
		"disabled":       {id: Identity{"gone", nil}, fails: "disabled"},
		"nobody":         {id: Identity{"zoe", []string{"lab staff", "Lab Staff ", "admins"}}, fails: "mapping add"},
		"user as group":  {id: Identity{"zoe", []string{"anna@example.org", "user:root"}}, fails: "mapping add"},
		"no name":        {id: Identity{"", []string{"Lab Staff"}}, fails: "empty"},
		"line feed":      {id: Identity{"zoe\nlevel=INFO", []string{"Lab Staff"}}, fails: "unprintable"},
		"escape":         {id: Identity{"zoe\x1b[2J", nil}, fails: "unprintable"},
		"right to left":  {id: Identity{"zoe\u202egro", nil}, fails: "unprintable"},
		"space":          {id: Identity{" zoe", nil}, fails: "space"},
		"bytes":          {id: Identity{"\xff", nil}, fails: "unprintable"},
		"long":           {id: Identity{strings.Repeat("z", 257), nil}, fails: "longer"},
		"many groups":    {id: Identity{"zoe", long}, fails: "1001 groups"},
		"empty groups":   {id: Identity{"zoe", []string{""}}, fails: "mapping add"},
		"everyone, not":  {id: Identity{"everyone", nil}, fails: "mapping add"},
		"user: as name":  {id: Identity{"user:root", nil}, fails: "mapping add"},
		"glob as a name": {id: Identity{"*", []string{"*"}}, fails: "mapping add"},
	} {
		p, err := b.external(test.id, MethodProxy)
		if test.fails != "" {
			if err == nil || !strings.Contains(err.Error(), test.fails) || p.Name != "" || p.CanView("porch") {
				t.Errorf("%s: %v %v, want %q", name, p, err, test.fails)
			}
			continue
		}
		for camera, want := range test.roles {
			if err != nil || p.RoleFor(camera) != want || p.HasRole(Admin) != test.admin {
				t.Errorf("%s: %v: role %q for %s, want %q; admin %v", name, err, p.RoleFor(camera), camera, want, p.HasRole(Admin))
			}
		}
	}
	edit(t, c.file, func(d *File) error { return d.AddMapping(Mapping{"everyone", Viewer, []string{"yard"}}) })
	if p, err := load(t, c.file).external(Identity{Name: "zoe"}, MethodProxy); err != nil || p.RoleFor("yard") != Viewer ||
		p.CanView("porch") {
		t.Errorf("everyone: %v %v", p, err)
	}
}

func TestMappingEdits(t *testing.T) {
	c := newCast(t)
	mapped(t, c.file)
	before := load(t, c.file)
	for name, test := range map[string]struct {
		change func(*File) error
		says   string
	}{
		"twice": {func(d *File) error { return d.AddMapping(Mapping{"user:root", Viewer, []string{"x"}}) },
			"mapping set"},
		"of nobody": {func(d *File) error { return d.AddMapping(Mapping{"anna", Viewer, []string{"x"}}) },
			"group:NAME"},
		"of no name": {func(d *File) error { return d.AddMapping(Mapping{"group:", Viewer, []string{"x"}}) }, "empty"},
		"role":       {func(d *File) error { return d.AddMapping(Mapping{"group:x", "boss", []string{"x"}}) }, "boss"},
		"grant": {func(d *File) error { return d.AddMapping(Mapping{"group:x", Viewer, []string{"x=boss"}}) },
			"x=boss"},
		"unknown group": {func(d *File) error { return d.AddMapping(Mapping{"group:x", Viewer, []string{"@none"}}) },
			"mapping group:x is granted @none"},
		"set none":     {func(d *File) error { return d.SetMapping("group:x", Viewer, nil) }, "mapping list"},
		"remove none":  {func(d *File) error { return d.RemoveMapping("group:x") }, "mapping list"},
		"group in use": {func(d *File) error { return d.RemoveGroup("greenhouse") }, "mapping group:Lab Staff"},
	} {
		if err := Edit(c.file, test.change); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	if after := load(t, c.file); !reflect.DeepEqual(after, before) {
		t.Error("a change that failed has changed something")
	}
	edit(t, c.file, func(d *File) error { return d.RemoveMapping("user:root") })
	if got := len(load(t, c.file).Mappings()); got != 4 {
		t.Errorf("%d mappings are left", got)
	}
}

// With mappings authentication is on, even if the file has no users.
func TestMappingsAsk(t *testing.T) {
	c := newCast(t)
	edit(t, c.file, func(d *File) error {
		d.Users, d.Tokens, d.Agents, d.Consumers = nil, nil, nil, nil
		return d.AddMapping(Mapping{"everyone", Viewer, []string{"porch"}})
	})
	if b := load(t, c.file); !b.HasUsers() || b.Empty() {
		t.Error("a file with a mapping asks nobody")
	}
}

// A session of an external login has the rights that the mappings give now, and ends on time.
func TestExternalSession(t *testing.T) {
	c := newCast(t)
	mapped(t, c.file)
	k := c.keeper(t)
	d := NewAuthenticator(k, testLog())
	const addr = "192.0.2.1"
	begin := func(life time.Duration) Principal {
		t.Helper()
		cookie, err := d.LoginExternal(addr, MethodOIDC, Identity{"zoe", []string{"Lab Staff", "more"}}, life)
		if err != nil {
			t.Fatal(err)
		}
		ledger.hide("session", cookie.Value.Reveal())
		p, renewed, err := d.Session(addr, cookie.Value)
		if err != nil || renewed != nil || p.Method != MethodSession || p.LoginMethod != MethodOIDC || p.RoleFor("lab-1") != Operator {
			t.Fatalf("%v %v %+v", err, renewed, p)
		}
		if life == time.Minute {
			d.Logout(addr, cookie.Value)
		}
		return p
	}
	p, ended := begin(12*time.Hour), begin(time.Minute)
	now := time.Now()
	if _, ok := d.Revalidate(p, now.Add(11*time.Hour)); !ok {
		t.Error("it has ended early")
	}
	if _, ok := d.Revalidate(p, now.Add(12*time.Hour+time.Second)); ok {
		t.Error("it has no end")
	}
	if _, ok := d.Revalidate(ended, now); ok {
		t.Error("it goes on after the logout")
	}
	edit(t, c.file, func(d *File) error { return d.SetMapping("group:Lab Staff", Viewer, []string{"lab-1"}) })
	k.reloadIfChanged()
	if again, ok := d.Revalidate(p, now); !ok || again.RoleFor("lab-1") != Viewer || again.CanView("lab-2") {
		t.Errorf("after the change: %v %+v", ok, again)
	}
	edit(t, c.file, func(d *File) error { return d.RemoveMapping("group:Lab Staff") })
	k.reloadIfChanged()
	if _, ok := d.Revalidate(p, now); ok {
		t.Error("it goes on without a mapping")
	}
	if _, err := d.LoginExternal(addr, MethodOIDC, Identity{"zoe", []string{"Lab Staff"}}, time.Hour); !errors.As(err,
		new(*UnmappedError)) {
		t.Errorf("a login without a mapping: %v", err)
	}
	if said := ledger.said(); !strings.Contains(said, "audit=mapping.change") ||
		!strings.Contains(said, "audit=login by=oidc user=zoe") {
		t.Error("audit lines are missing")
	}
}
