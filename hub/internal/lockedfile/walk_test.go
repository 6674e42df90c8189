package lockedfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Root follows only root's own links, both for the file and for each directory on the path to it.
func TestLinksOfOthers(t *testing.T) {
	me := uint32(os.Geteuid())
	for _, planted := range []string{"state", "state/credentials.json"} {
		for _, followed := range []bool{true, false} {
			for _, relative := range []bool{false, true} {
				dir, elsewhere := t.TempDir(), t.TempDir()
				link, to := filepath.Join(dir, planted), elsewhere
				if planted != "state" {
					to = filepath.Join(elsewhere, "credentials.json")
					if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
						t.Fatal(err)
					}
				}
				if relative {
					var err error
					if to, err = filepath.Rel(filepath.Dir(link), to); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Symlink(to, link); err != nil {
					t.Fatal(err)
				}
				w := &walk{links: maxLinks, owner: me}
				if !followed {
					w.owner++
				}
				d, base, err := w.file(filepath.Join(dir, "state", "credentials.json"))
				if err == nil {
					d.Close()
				}
				if followed && (err != nil || d.path != elsewhere || base != "credentials.json") ||
					!followed &&
						(err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s is a symbolic link of user %d", link, me))) {
					t.Errorf("%s to %s, followed %v: %s, %s, %v", planted, to, followed, d.path, base, err)
				}
			}
		}
	}
}
