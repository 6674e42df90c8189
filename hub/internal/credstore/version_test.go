package credstore_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// A file has the lowest version that supports what is in it, so that older programs can still read it.
func TestVersions(t *testing.T) {
	c := credstoretest.New(t, secrets)
	check := func(name string, change func(*credstore.File) error, want int) {
		t.Helper()
		credstoretest.Edit(t, c.Path, change)
		data, err := os.ReadFile(c.Path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Version int `json:"version"`
		}
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		if file.Version != want {
			t.Errorf("%s: the file has version %d, want %d", name, file.Version, want)
		}
		if want == 1 && bytes.Contains(data, []byte(`"groups"`)) {
			t.Errorf("%s: %s", name, data)
		}
	}
	check("nothing", func(*credstore.File) error { return nil }, 1)
	check("group", func(f *credstore.File) error { return f.AddGroup("greenhouse", []string{"gh-*"}) }, 2)
	check("group removed", func(f *credstore.File) error { return f.RemoveGroup("greenhouse") }, 1)
	check("role", func(f *credstore.File) error { return f.SetUser("anna", "", []string{"porch=operator"}, nil) }, 2)
	testutil.WriteFile(t, c.Path, c.Content)
	check("token", func(f *credstore.File) error {
		_, _, err := f.AddNarrowToken(credstore.Token{Owner: "anna", Name: "x", Role: permission.Viewer}, 0)
		return err
	}, 2)
}
