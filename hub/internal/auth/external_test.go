package auth_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
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

// The grants of several mappings add up. An external person gets nothing from a user of the same name in the file.
func TestExternal(t *testing.T) {
	c := credstoretest.New(t, secrets)
	mapped(t, c.Path)
	b := credstoretest.Load(t, c.Path)
	long := make([]string, 1001)
	for name, test := range map[string]struct {
		id    auth.Identity
		roles map[string]permission.Role
		admin bool
		fails string
	}{
		"group": {id: auth.Identity{Name: "zoe", Groups: []string{"x", "Lab Staff"}},
			roles: map[string]permission.Role{"lab-1": permission.Operator, "gh-1": permission.Viewer, "porch": "",
				"attic": ""}},
		"user": {id: auth.Identity{Name: "anna@example.org", Groups: nil},
			roles: map[string]permission.Role{"porch": permission.Viewer, "lab-1": ""}},
		"both": {id: auth.Identity{Name: "anna@example.org", Groups: []string{"Lab Staff"}},
			roles: map[string]permission.Role{"porch": permission.Viewer, "lab-1": permission.Operator}},
		"admin": {id: auth.Identity{Name: "zoe", Groups: []string{"/admins"}},
			roles: map[string]permission.Role{"attic": permission.Operator, "porch": ""},
			admin: true},
		"namesake": {id: auth.Identity{Name: "root", Groups: nil},
			roles: map[string]permission.Role{"porch": permission.Viewer, "garden": ""}},
		"disabled": {id: auth.Identity{Name: "gone", Groups: nil}, fails: "disabled"},
		"no mapping": {id: auth.Identity{Name: "zoe", Groups: []string{"lab staff", "Lab Staff ", "admins"}},
			fails: "mapping add"}, "user as group": {id: auth.Identity{Name: "zoe",
			Groups: []string{"anna@example.org", "user:root"}}, fails: "mapping add"},
		"no name":        {id: auth.Identity{Name: "", Groups: []string{"Lab Staff"}}, fails: "empty"},
		"line feed":      {id: auth.Identity{Name: "zoe\nlevel=INFO", Groups: []string{"Lab Staff"}}, fails: "unprintable"},
		"escape":         {id: auth.Identity{Name: "zoe\x1b[2J", Groups: nil}, fails: "unprintable"},
		"right to left":  {id: auth.Identity{Name: "zoe\u202egro", Groups: nil}, fails: "unprintable"},
		"space":          {id: auth.Identity{Name: " zoe", Groups: nil}, fails: "space"},
		"bytes":          {id: auth.Identity{Name: "\xff", Groups: nil}, fails: "unprintable"},
		"long":           {id: auth.Identity{Name: strings.Repeat("z", 257), Groups: nil}, fails: "longer"},
		"many groups":    {id: auth.Identity{Name: "zoe", Groups: long}, fails: "1001 groups"},
		"empty groups":   {id: auth.Identity{Name: "zoe", Groups: []string{""}}, fails: "mapping add"},
		"everyone, not":  {id: auth.Identity{Name: "everyone", Groups: nil}, fails: "mapping add"},
		"user: as name":  {id: auth.Identity{Name: "user:root", Groups: nil}, fails: "mapping add"},
		"glob as a name": {id: auth.Identity{Name: "*", Groups: []string{"*"}}, fails: "mapping add"},
	} {
		p, err := auth.ExternalPrincipal(b, test.id, auth.MethodProxy)
		if test.fails != "" {
			if err == nil || !strings.Contains(err.Error(), test.fails) || p.Name != "" || p.CanView("porch") {
				t.Errorf("%s: %v %v, want %q", name, p, err, test.fails)
			}
			continue
		}
		for camera, want := range test.roles {
			if err != nil || p.RoleFor(camera) != want || p.HasRole(permission.Admin) != test.admin {
				t.Errorf("%s: %v: role %q for %s, want %q; admin %v", name, err, p.RoleFor(camera), camera, want,
					p.HasRole(permission.Admin))
			}
		}
	}
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error {
		return d.AddMapping(credstore.Mapping{Who: "everyone", Role: permission.Viewer, Cameras: []string{"yard"}})
	})
	if p, err := auth.ExternalPrincipal(credstoretest.Load(t, c.Path), auth.Identity{Name: "zoe"},
		auth.MethodProxy); err != nil || p.RoleFor("yard") != permission.Viewer ||
		p.CanView("porch") {
		t.Errorf("everyone: %v %v", p, err)
	}
}

// A session of an external login has the rights that the mappings give now, and ends on time.
func TestExternalSession(t *testing.T) {
	c := credstoretest.New(t, secrets)
	mapped(t, c.Path)
	synctest.Test(t, func(t *testing.T) {
		k := credstoretest.Open(t, c.Path, secrets)
		d := newAuthenticator(k)
		const addr = "192.0.2.1"
		begin := func(life time.Duration) auth.Principal {
			t.Helper()
			cookie, err := d.LoginExternal(addr, auth.MethodOIDC,
				auth.Identity{Name: "zoe", Groups: []string{"Lab Staff", "more"}}, life)
			if err != nil {
				t.Fatal(err)
			}
			secrets.Hide("session", cookie.Value.Reveal())
			p, renewed, err := d.Session(addr, cookie.Value)
			if err != nil || renewed != nil || p.Method != auth.MethodSession || p.LoginMethod != auth.MethodOIDC ||
				p.RoleFor("lab-1") != permission.Operator {
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
		credstoretest.Edit(t, c.Path, func(d *credstore.File) error {
			return d.SetMapping("group:Lab Staff", permission.Viewer, []string{"lab-1"})
		})
		credstoretest.Reload(t, k)
		if again, ok := d.Revalidate(p, now); !ok || again.RoleFor("lab-1") != permission.Viewer || again.CanView("lab-2") {
			t.Errorf("after the change: %v %+v", ok, again)
		}
		credstoretest.Edit(t, c.Path, func(d *credstore.File) error { return d.RemoveMapping("group:Lab Staff") })
		credstoretest.Reload(t, k)
		if _, ok := d.Revalidate(p, now); ok {
			t.Error("it goes on without a mapping")
		}
		if _, err := d.LoginExternal(addr, auth.MethodOIDC, auth.Identity{Name: "zoe", Groups: []string{"Lab Staff"}},
			time.Hour); !errors.As(err,
			new(*auth.UnmappedError)) {
			t.Errorf("a login without a mapping: %v", err)
		}
		if said := secrets.Text(); !strings.Contains(said, "audit=mapping.change") ||
			!strings.Contains(said, "audit=login by=oidc user=zoe") {
			t.Error("audit lines are missing")
		}
	})
}
