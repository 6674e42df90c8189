package reference_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/internal/reference"
)

// recorder notes whether a check fails.
type recorder struct {
	testing.TB
	failed bool
}

func (*recorder) Helper()                 {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestCheck(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	const before, after = "# Page\n<!-- begin generated x -->\n", "<!-- end generated x -->\nmore\n"
	write := func(part string) {
		if err := os.WriteFile(page, []byte(before+part+after), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for part, want := range map[string]bool{"a\nb\n": false, "a\nc\n": true, "a\n": true, "": true} {
		write(part)
		r := &recorder{TB: t}
		if reference.Check(r, page, "x", "a\nb\n"); r.failed != want {
			t.Errorf("the part %q fails: %v, want %v", part, r.failed, want)
		}
	}
	t.Setenv("BRAMBLE_UPDATE_REFERENCE", "1")
	reference.Check(t, page, "x", "a\nb\n")
	if got, err := os.ReadFile(page); err != nil || string(got) != before+"a\nb\n"+after {
		t.Errorf("the written page is %q, %v", got, err)
	}
}
