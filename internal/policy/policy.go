// Package policy holds the house rules that a program can check (CONTRIBUTING.md says them in prose), as functions of a
// source tree. Formatting and what go vet finds do not belong here.
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
	return slices.Concat(importRules(), docRules(), sizeRules(), stateRules(), testRules(), textRules(), linkRules(),
		glossaryRules())
}
