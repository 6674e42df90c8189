package buildversion_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/buildversion"
)

// Makefile and scripts take the default from this package and name no other.
func TestOneSource(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, name := range []string{"Makefile", "scripts/dist.sh", "scripts/packages.sh"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if version := regexp.MustCompile(`\d+\.\d+\.\d+-dev`).Find(text); version != nil {
			t.Errorf("%s has a default version of its own: %s", name, version)
		}
	}
	cmd := exec.Command(filepath.Join("scripts", "default-version.sh"))
	cmd.Dir = root
	out, err := cmd.Output()
	if got := strings.TrimSpace(string(out)); err != nil || got != buildversion.Default {
		t.Errorf("scripts/default-version.sh prints %q, %v; want %q", got, err, buildversion.Default)
	}
}
