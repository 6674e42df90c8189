package credstore_test

import (
	"os"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
)

func TestDefaultFile(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "/one/bramble:/two")
	if f, err := credstore.DefaultPath(); err != nil || f != "/one/bramble/credentials.json" {
		t.Errorf("%s, %v", f, err)
	}
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("XDG_STATE_HOME", "/xdg")
	want := "/xdg/bramble/credentials.json"
	if os.Geteuid() == 0 {
		want = "/var/lib/bramble/credentials.json"
	}
	if f, err := credstore.DefaultPath(); err != nil || f != want {
		t.Errorf("%s, %v", f, err)
	}
}
