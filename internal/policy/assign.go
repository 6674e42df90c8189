package policy

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"strings"
)

// assignments flags what changes a package variable of its own package or of another one.
func assignments(tr *Tree, files []*goFile) (found []Finding) {
	ns := resolve(tr, files)
	for _, f := range files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			for _, target := range targets(n) {
				if v := ns.packageVar(target); v != "" {
					found = append(found, Finding{tr.pos(n), v + " is changed here"})
				}
			}
			return true
		})
	}
	return found
}

// names binds identifiers to their declarations.
type names struct {
	fset *token.FileSet
	uses map[*ast.Ident]types.Object
}

// resolve type-checks a package without its imports, whose loading would cost seconds: scopes are right all the same,
// and the errors about unknown packages are of no interest.
func resolve(tr *Tree, files []*goFile) names {
	n := names{tr.fset, map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: noImports{}, FakeImportC: true, Error: func(error) {}}
	var parsed []*ast.File
	for _, f := range files {
		parsed = append(parsed, f.ast)
	}
	_, _ = conf.Check(files[0].dir(), tr.fset, parsed, &types.Info{Uses: n.uses})
	return n
}

// noImports is an importer that knows every package and nothing inside.
type noImports struct{}

func (noImports) Import(imp string) (*types.Package, error) {
	name := path.Base(imp)
	if strings.HasPrefix(name, "v") && strings.Trim(name[1:], "0123456789") == "" {
		name = path.Base(path.Dir(imp))
	}
	pkg := types.NewPackage(imp, strings.TrimSuffix(name, ".go"))
	pkg.MarkComplete()
	return pkg, nil
}

// targets is what a node changes, or hands out to be changed.
func targets(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if _, element := n.X.(*ast.IndexExpr); n.Op == token.AND && !element {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if fn, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (fn.Name == "delete" || fn.Name == "clear" ||
			fn.Name == "copy") {
			return n.Args[:1]
		}
	}
	return nil
}

// packageVar names the package variable at the root of an expression such as table[i].field; "" if there is none, or if
// it is a test's own.
func (ns names) packageVar(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		v, ok := ns.uses[e].(*types.Var)
		if ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() &&
			!strings.HasSuffix(ns.fset.Position(v.Pos()).Filename, "_test.go") {
			return e.Name
		}
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			if _, imported := ns.uses[x].(*types.PkgName); imported {
				return x.Name + "." + e.Sel.Name
			}
		}
		return ns.packageVar(e.X)
	case *ast.IndexExpr:
		return ns.packageVar(e.X)
	case *ast.SliceExpr:
		return ns.packageVar(e.X)
	case *ast.StarExpr:
		return ns.packageVar(e.X)
	case *ast.ParenExpr:
		return ns.packageVar(e.X)
	}
	return ""
}
