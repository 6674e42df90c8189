package policy

import (
	"go/ast"
	"go/types"
)

func stateRules() []Rule {
	return []Rule{
		{
			"no init functions", "do it in New, or in the command's main: an import must not act",
			initFuncs,
		},
		{
			"no mutable package variables", "make it a constant, a field filled by New, or a value made by a function; " +
				"sentinel errors, compiled patterns and tables without assignments may stay",
			mutableVars,
		},
		{
			"shared starts no goroutine", "shared holds values and pure functions: let agent or hub start the goroutine",
			sharedGoroutines,
		},
	}
}

func initFuncs(tr *Tree) (found []Finding) {
	for _, f := range tr.gofs {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, Finding{tr.pos(fn), "func init"})
			}
		}
	}
	return found
}

func sharedGoroutines(tr *Tree) (found []Finding) {
	for _, f := range tr.code() {
		if !within(f.dir(), "shared") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				found = append(found, Finding{tr.pos(n), "go statement"})
			case *ast.CallExpr: // of a sync.WaitGroup, an errgroup.Group and the like
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Go" {
					found = append(found, Finding{tr.pos(n), "call of " + types.ExprString(sel)})
				}
			}
			return true
		})
	}
	return found
}

// mutableVars flags package variables that can change: by their kind (a mutex, a map from make, a pointer), or because
// code, even a test, assigns to them.
func mutableVars(tr *Tree) (found []Finding) {
	groups := map[string][]*goFile{}
	var order []string
	for _, f := range tr.gofs {
		if groups[f.pkg()] == nil {
			order = append(order, f.pkg())
		}
		groups[f.pkg()] = append(groups[f.pkg()], f)
	}
	for _, pkg := range order {
		files := groups[pkg]
		for _, f := range files {
			if !f.isTest() {
				found = append(found, mutableKinds(tr, f, files)...)
			}
		}
		found = append(found, assignments(tr, files)...)
	}
	return found
}
