package credstore_test

import (
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/permission"
)

func TestPrincipal(t *testing.T) {
	b := credstoretest.Load(t, credstoretest.New(t, secrets).Path)
	for _, c := range []struct {
		user   string
		may    []string
		mayNot []string
		roles  []permission.Role
	}{
		{"anna", []string{"porch", "lab-1", "lab-"}, []string{"garden", "porch-2", "lab", "labs", ""},
			[]permission.Role{permission.Viewer}},
		{"otto", []string{"garden"}, []string{"porch", "garden2"}, []permission.Role{permission.Viewer, permission.Operator}},
		{"root", []string{"porch", "garden", "x"}, nil, []permission.Role{permission.Viewer, permission.Operator,
			permission.Admin}},
	} {
		u, ok := b.User(c.user)
		if !ok {
			t.Fatalf("no user %s", c.user)
		}
		p := b.Permissions(u)
		for _, camera := range c.may {
			if !p.CanView(camera) || !p.CanViewFormat(camera, "mjpeg") {
				t.Errorf("%s may not see %q", c.user, camera)
			}
		}
		for _, camera := range c.mayNot {
			if p.CanView(camera) {
				t.Errorf("%s may see %q", c.user, camera)
			}
		}
		for _, r := range permission.Roles() {
			if p.HasRole(r) != slices.Contains(c.roles, r) {
				t.Errorf("%s has %s: %v", c.user, r, p.HasRole(r))
			}
		}
	}
	if _, ok := b.User("gone"); ok {
		t.Error("a disabled user is one")
	}
	none := permission.Set{}
	if none.CanView("porch") || none.HasRole(permission.Viewer) || none.HasRole("") {
		t.Error("an empty set allows something")
	}
	if all := permission.All(); !all.CanView("porch") || !all.HasRole(permission.Admin) {
		t.Error("the full set does not allow everything")
	}
}

// A consumer's globs come to the cameras of the agents that there are.
func TestPeers(t *testing.T) {
	c := credstoretest.New(t, secrets)
	b := credstoretest.Load(t, c.Path)
	if p, ok := b.NATSClient(c.Porch.Public()); !ok || p.Kind != credstore.KindAgent || p.Name != "porch" ||
		!slices.Equal(p.Cameras, []string{"lab-1", "lab-2", "porch"}) {
		t.Errorf("%+v, %v", p, ok)
	}
	if p, ok := b.NATSClient(c.Consumer.Public()); !ok || p.Kind != credstore.KindConsumer || p.All ||
		!slices.Equal(p.Cameras, []string{"attic", "lab-1", "lab-2"}) {
		t.Errorf("%+v, %v", p, ok)
	}
	if _, ok := b.NATSClient("UNKNOWN"); ok {
		t.Error("a stranger is known")
	}
	if b.Empty() || !credstoretest.Load(t, c.Path+".none").Empty() {
		t.Error("who is there?")
	}
}

// Of all grants that match a camera, the highest role counts. A grant without a role has the user's role.
func TestRoleFor(t *testing.T) {
	c := credstoretest.New(t, secrets)
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error {
		d.Groups = append(d.Groups, credstore.Group{Name: "greenhouse", Cameras: []string{"gh-*", "bench-1"}})
		if err := enroll(d, "vera", permission.Viewer, "porch=operator", "lab-*", "@greenhouse=operator",
			"gh-9=viewer"); err != nil {
			return err
		}
		if err := enroll(d, "olaf", permission.Operator, "*=viewer", "porch", "@greenhouse"); err != nil {
			return err
		}
		return enroll(d, "adam", permission.Admin, "porch=viewer", "garden")
	})
	b := credstoretest.Load(t, c.Path)
	for _, test := range []struct {
		user, camera string
		want         permission.Role
	}{
		{"vera", "porch", permission.Operator}, {"vera", "lab-1", permission.Viewer}, {"vera", "gh-1", permission.Operator},
		{"vera", "gh-9", permission.Operator},
		{"vera", "bench-1", permission.Operator},
		{"vera", "bench-2", ""}, {"vera", "greenhouse", ""}, {"olaf", "porch", permission.Operator},
		{"olaf", "anything", permission.Viewer},
		{"olaf", "bench-1", permission.Operator},
		{"adam", "porch", permission.Viewer}, {"adam", "garden", permission.Operator}, {"adam", "attic", ""},
	} {
		u, _ := b.User(test.user)
		p := b.Permissions(u)
		if got := p.RoleFor(test.camera); got != test.want || p.CanView(test.camera) != (test.want != "") ||
			p.CanControl(test.camera) != (test.want == permission.Operator) {
			t.Errorf("%s has role %q for %s, want %q", test.user, got, test.camera, test.want)
		}
	}
	link := permission.ForLink("porch", []string{"jpeg"})
	if link.CanControl("porch") || !permission.All().CanControl("porch") || (permission.Set{}).RoleFor("porch") != "" {
		t.Error("a link, the full set or the empty set has another role")
	}
}

// With mappings authentication is on, even if the file has no users.
func TestMappingsAsk(t *testing.T) {
	c := credstoretest.New(t, secrets)
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error {
		d.Users, d.Tokens, d.Agents, d.Consumers = nil, nil, nil, nil
		return d.AddMapping(credstore.Mapping{Who: "everyone", Role: permission.Viewer, Cameras: []string{"porch"}})
	})
	if b := credstoretest.Load(t, c.Path); !b.HasUsers() || b.Empty() {
		t.Error("authentication is off with a mapping in the file")
	}
}
