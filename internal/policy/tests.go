package policy

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

func testRules() []Rule {
	return []Rule{
		{
			"a skipped test says why",
			"t.Skip(\"what is missing and how to get it\"); CI fails on skips of system tests whose reason is not in scripts/test.sh",
			silentSkips,
		},
		{
			"no time.Sleep in tests", "wait for the event itself (a channel, a Ready, a deadline on a read); a test about time runs in testing/synctest, " +
				"where <-time.After(d) is instant",
			sleeps,
		},
	}
}

func silentSkips(tr *Tree) (found []Finding) {
	for _, f := range tr.gofs {
		if !f.isTest() && !within(f.dir(), "internal/testutil") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch recv, method := calledOn(call); {
			case !slices.Contains([]string{"t", "b", "f", "tb"}, recv):
			case method == "SkipNow":
				found = append(found, Finding{tr.pos(call), recv + ".SkipNow gives no reason"})
			case (method == "Skip" || method == "Skipf") && !hasReason(call):
				found = append(found, Finding{tr.pos(call), recv + "." + method + " gives no reason"})
			}
			return true
		})
	}
	return found
}

// calledOn splits a call such as t.Skip(...) into "t" and "Skip".
func calledOn(call *ast.CallExpr) (recv, method string) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if x, ok := sel.X.(*ast.Ident); ok {
		return x.Name, sel.Sel.Name
	}
	return "", ""
}

// hasReason is true unless the first argument is missing or an empty literal.
func hasReason(call *ast.CallExpr) bool {
	if len(call.Args) == 0 {
		return false
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return true
	}
	text, _ := strconv.Unquote(lit.Value)
	return strings.TrimSpace(text) != ""
}

func sleeps(tr *Tree) (found []Finding) {
	for _, f := range tr.tests() {
		name := importName(f, "time")
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && name != "" && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == name {
					found = append(found, Finding{tr.pos(sel), "time.Sleep"})
				}
			}
			return true
		})
	}
	return found
}

// importName is what a file calls an imported package of the standard library; "" if it does not import it.
func importName(f *goFile, imp string) string {
	for _, spec := range f.ast.Imports {
		if spec.Path.Value != strconv.Quote(imp) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return imp
	}
	return ""
}
