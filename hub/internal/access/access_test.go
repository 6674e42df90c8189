package access

import (
	"slices"
	"strings"
	"testing"
)

func TestPrincipal(t *testing.T) {
	b := load(t, newCast(t).file)
	for _, c := range []struct {
		user   string
		may    []string
		mayNot []string
		roles  []Role
	}{
		{"anna", []string{"porch", "lab-1", "lab-"}, []string{"garden", "porch-2", "lab", "labs", ""}, []Role{Viewer}},
		{"otto", []string{"garden"}, []string{"porch", "garden2"}, []Role{Viewer, Operator}},
		{"root", []string{"porch", "garden", "x"}, nil, []Role{Viewer, Operator, Admin}},
	} {
		u, ok := b.user(c.user)
		if !ok {
			t.Fatalf("no user %s", c.user)
		}
		p := b.principal(u, MethodPassword)
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
		for _, r := range Roles() {
			if p.HasRole(r) != slices.Contains(c.roles, r) {
				t.Errorf("%s has %s: %v", c.user, r, p.HasRole(r))
			}
		}
	}
	if _, ok := b.user("gone"); ok {
		t.Error("a disabled user is one")
	}
	nobody := Principal{}
	if nobody.CanView("porch") || nobody.HasRole(Viewer) || nobody.HasRole("") {
		t.Error("nobody may something")
	}
	if all := Anonymous(); !all.CanView("porch") || !all.HasRole(Admin) {
		t.Error("everybody may not do everything")
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"anna": true, "a": true, "anna@example.com": true, "pi-1.lab_2": true, strings.Repeat("a", 63): true,
		"": false, "Anna": false, "-a": false, "a b": false, "a\nb": false, "a/b": false, "ä": false, strings.Repeat("a", 64): false,
	} {
		if err := ValidateName(name); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
	for glob, want := range map[string]bool{
		"*": true, "lab-*": true, "*-1": true, "porch": true, "a*b*c": true,
		"": false, "-a": false, "lab?": false, "[a]": false, "lab.*": false, ">": false, "Lab": false, "a,b": false, `a\b`: false, strings.Repeat("*", 64): false,
	} {
		if err := ValidateGlobs([]string{glob}); (err == nil) != want {
			t.Errorf("%q: %v", glob, err)
		}
	}
}

// A consumer's globs come to the cameras of the agents that there are.
func TestPeers(t *testing.T) {
	c := newCast(t)
	b := load(t, c.file)
	if p, ok := b.NATSClient(c.porch.Public()); !ok || p.Kind != KindAgent || p.Name != "porch" || !slices.Equal(p.Cameras, []string{"lab-1", "lab-2", "porch"}) {
		t.Errorf("%+v, %v", p, ok)
	}
	if p, ok := b.NATSClient(c.consumer.Public()); !ok || p.Kind != KindConsumer || p.All || !slices.Equal(p.Cameras, []string{"attic", "lab-1", "lab-2"}) {
		t.Errorf("%+v, %v", p, ok)
	}
	if _, ok := b.NATSClient("UNKNOWN"); ok {
		t.Error("a stranger is known")
	}
	if b.Empty() || !load(t, c.file+".none").Empty() {
		t.Error("who is there?")
	}
}
