package bramble

import (
	"os"
	"testing"

	"github.com/bramble-cam/bramble/internal/policy"
)

// TestPolicy checks the house rules of package policy in this repository.
func TestPolicy(t *testing.T) {
	tree, err := policy.Load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range policy.Rules() {
		t.Run(r.Name, func(t *testing.T) {
			for _, f := range r.Check(tree) {
				t.Errorf("%s: %s\n\tremedy: %s", f.At, f.What, r.Remedy)
			}
		})
	}
}
