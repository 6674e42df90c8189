// Package policy holds the house rules that no linter of .golangci.yml has, as functions of a source tree.
// CONTRIBUTING.md says them in prose.
package policy

import "slices"

// Rule is one house rule.
type Rule struct {
	Name   string
	Remedy string // what to do instead; said with every finding
	Check  func(*Tree) []Finding
}

// Finding is one place that breaks a rule.
type Finding struct {
	At   string // file, or file:line
	What string
}

// Rules returns all rules.
func Rules() []Rule {
	return slices.Concat([]Rule{{
		"each output and each source is a package of its own",
		"an output is registered in hub/internal/outputs, a source in agent/internal/source's users; what two of them " +
			"need goes into the package above them or into one of its helpers",
		crossImports,
	}}, sizeRules(), textRules(), linkRules(), glossaryRules())
}
