package policy

import (
	"slices"
	"strconv"
	"strings"
)

// family is a folder of packages that do the same in different ways.
type family struct {
	parent  string
	helpers []string // packages below it that all of them may import
	users   []string // folders outside of it that choose among them
}

func families() []family {
	return []family{
		{"hub/internal/output", []string{"outputtest"}, []string{"hub/internal/outputs", "hub/internal/output/ws",
			"hub/internal/web"}},
		{"agent/internal/source", []string{"splitter", "sourcetest"}, []string{"agent", "agent/internal/discover"}},
	}
}

// crossImports flags imports of a package of a family by another one of it, and by packages that must not choose. The
// linter's depguard has all other fences, but would need a rule for each package of a family.
func crossImports(tr *Tree) (found []Finding) {
	for _, fam := range families() {
		prefix := modulePath + "/" + fam.parent + "/"
		for _, f := range tr.code() {
			for _, spec := range f.ast.Imports {
				imp, _ := strconv.Unquote(spec.Path.Value)
				below, ok := strings.CutPrefix(imp, prefix)
				kind, _, _ := strings.Cut(below, "/")
				if ok && !slices.Contains(fam.helpers, kind) && !slices.Contains(fam.users, f.dir()) &&
					!within(f.dir(), fam.parent+"/"+kind) {
					found = append(found, Finding{tr.pos(spec), "imports " + imp})
				}
			}
		}
	}
	return found
}
