package bramble

import (
	"os"
	"slices"
	"testing"
)

// rule is one house rule: check lists every place of a tree that breaks it. A rule is proven by its fixtures
// (policy_fixtures_test.go): small trees which it must flag, and near misses which it must let pass.
type rule struct {
	name   string
	remedy string // said with every finding: what to do instead
	check  func(*tree) []finding
}

// finding is one place that breaks a rule.
type finding struct {
	at   string // file, or file:line
	what string
}

// policy is every rule of the house, in the order of the files that hold them.
func policy() []rule {
	return slices.Concat(importRules(), docRules(), sizeRules(), stateRules(), testRules(), textRules(), linkRules(),
		glossaryRules())
}

// TestPolicy holds the repository against the house rules (CONTRIBUTING.md tells them in prose).
func TestPolicy(t *testing.T) {
	repo := loadTree(t, os.DirFS("."))
	for _, r := range policy() {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range r.check(repo) {
				t.Errorf("%s: %s\n\tremedy: %s", f.at, f.what, r.remedy)
			}
		})
	}
}

// TestPolicyFixtures proves each rule: it flags its bad fixtures and passes its good ones.
func TestPolicyFixtures(t *testing.T) {
	fixtures := fixtures()
	for _, r := range policy() {
		t.Run(r.name, func(t *testing.T) {
			flagged := 0
			for _, fx := range fixtures[r.name] {
				t.Run(fx.name, func(t *testing.T) { fx.run(t, r) })
				if fx.flags != "" {
					flagged++
				}
			}
			if flagged == 0 {
				t.Errorf("no fixture of the rule %q is flagged: add one to policy_fixtures_test.go", r.name)
			}
		})
		delete(fixtures, r.name)
	}
	for name := range fixtures {
		t.Errorf("fixtures for %q, which is no rule", name)
	}
}
