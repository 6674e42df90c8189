package policy

import (
	"os"
	"testing"
)

// TestRepository checks the rules in this repository.
func TestRepository(t *testing.T) {
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			for _, f := range r.Check(tree) {
				t.Errorf("%s: %s\n\tremedy: %s", f.At, f.What, r.Remedy)
			}
		})
	}
}

// TestFixtures proves each rule: it flags its bad fixtures and passes its good ones.
func TestFixtures(t *testing.T) {
	fixtures := fixtures()
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			flagged := 0
			for _, fx := range fixtures[r.Name] {
				t.Run(fx.name, func(t *testing.T) { fx.run(t, r) })
				if fx.flags != "" {
					flagged++
				}
			}
			if flagged == 0 {
				t.Errorf("no fixture of the rule %q is flagged: add one to fixtures_test.go", r.Name)
			}
		})
		delete(fixtures, r.Name)
	}
	for name := range fixtures {
		t.Errorf("fixtures for %q, which is no rule", name)
	}
}
