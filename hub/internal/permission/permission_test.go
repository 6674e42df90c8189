package permission_test

import (
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/permission"
)

func TestSets(t *testing.T) {
	user := permission.New(permission.Operator, []permission.Grant{{Glob: "lab-*", Role: permission.Operator},
		{Glob: "*", Role: permission.Viewer}})
	link := permission.ForLink("porch", []string{"jpeg"})
	for name, test := range map[string]struct {
		set           permission.Set
		camera        string
		role          permission.Role
		operator, all bool
	}{
		"granted":          {user, "lab-1", permission.Operator, true, true},
		"another grant":    {user, "porch", permission.Viewer, true, true},
		"nothing":          {permission.Set{}, "lab-1", "", false, false},
		"everything":       {permission.All(), "lab-1", permission.Operator, true, true},
		"link":             {link, "porch", permission.Viewer, false, false},
		"other camera":     {link, "lab-1", "", false, false},
		"lower role":       {user.Narrow(permission.Viewer, nil), "lab-1", permission.Viewer, false, true},
		"other cameras":    {user.Narrow("", []string{"porch"}), "lab-1", "", true, false},
		"no camera at all": {user.Narrow("", []string{}), "lab-1", "", true, false},
	} {
		if got := test.set.RoleFor(test.camera); got != test.role || test.set.CanView(test.camera) != (test.role != "") ||
			test.set.CanControl(test.camera) != (test.role == permission.Operator) ||
			test.set.HasRole(permission.Operator) != test.operator || test.set.CanViewAll() != test.all {
			t.Errorf("%s: role %q, all %v", name, got, test.set.CanViewAll())
		}
	}
	if !link.CanViewFormat("porch", "jpeg") || link.CanViewFormat("porch", "mp4") || !user.CanViewFormat("porch", "mp4") {
		t.Error("the formats of a link")
	}
	if user.SameGrants(link) || !user.SameGrants(user) || user.SameGrants(user.Narrow(permission.Viewer, nil)) {
		t.Error("the same grants")
	}
}
