package web

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// An operator of one camera changes the controls of that camera and no other. Each list shows the role for each camera.
func TestRolePerCamera(t *testing.T) {
	g := newAuthFixture(t)
	g.edit(func(d *credstore.File) error { return d.SetUser("anna", "", []string{"porch=operator", "yard"}, nil) })
	cookie := g.login("anna", annaPassword)
	roles := func() map[string]string {
		_, body := g.request(http.MethodGet, "/api/v1/cameras", "", "Cookie", cookie)
		var list struct{ Cameras []struct{ ID, Role string } }
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, c := range list.Cameras {
			found[c.ID] = c.Role
		}
		return found
	}
	testutil.Eventually(t, "the grant counts", func() bool {
		return roles()["porch"] == "operator" && roles()["yard"] == "viewer"
	})
	change := func(camera string) int {
		resp, _ := g.request(http.MethodPost, "/api/v1/cameras/"+camera+"/controls", `{"fps":5}`,
			"Cookie", cookie, "Content-Type", "application/json")
		return resp.StatusCode
	}
	if porch, yard := change("porch"), change("yard"); porch != 200 || yard != 403 {
		t.Errorf("porch %d, want 200; yard %d, want 403", porch, yard)
	}
	g.edit(func(d *credstore.File) error { return d.SetUser("anna", "", []string{"porch", "yard=operator"}, nil) })
	testutil.Eventually(t, "the grant changed", func() bool { return change("porch") == 403 && change("yard") == 200 })
}
