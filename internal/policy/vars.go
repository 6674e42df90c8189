package policy

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// mutableKinds flags the package variables of f whose kind is to change.
func mutableKinds(tr *Tree, f *goFile, pkg []*goFile) (found []Finding) {
	for _, decl := range f.ast.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.VAR || embeds(d.Doc) {
			continue
		}
		for _, spec := range d.Specs {
			s := spec.(*ast.ValueSpec)
			for i, n := range s.Names {
				if n.Name == "_" || embeds(s.Doc) {
					continue
				}
				if why := mutableKind(s, i, pkg); why != "" {
					found = append(found, Finding{tr.pos(n), n.Name + " " + why})
				}
			}
		}
	}
	return found
}

func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List,
		func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// mutableKind says why the i-th variable of a declaration can change without being assigned to; "" if it cannot.
func mutableKind(s *ast.ValueSpec, i int, pkg []*goFile) string {
	if len(s.Values) == 0 {
		return "has no value: it will be set later, or it is a lock"
	}
	if s.Type != nil && changes(s.Type) {
		return "has the type " + types.ExprString(s.Type) + ", whose value changes"
	}
	v := s.Values[min(i, len(s.Values)-1)]
	switch v := v.(type) {
	case *ast.CompositeLit:
		if v.Type != nil && changes(v.Type) {
			return "is a " + types.ExprString(v.Type) + ", whose value changes"
		}
	case *ast.UnaryExpr:
		if v.Op == token.AND || v.Op == token.ARROW {
			return "is a pointer, which all users share"
		}
	case *ast.CallExpr:
		if !makesFixed(v, pkg) {
			return "is what " + types.ExprString(v.Fun) + " returns, which may change"
		}
	}
	return ""
}

// changes is true for types whose values are made to change: locks, atomics, pools, channels, pointers.
func changes(typ ast.Expr) bool {
	switch t := typ.(type) {
	case *ast.ChanType, *ast.StarExpr:
		return true
	case *ast.IndexExpr: // atomic.Pointer[T]
		return changes(t.X)
	case *ast.SelectorExpr:
		x, ok := t.X.(*ast.Ident)
		return ok && (x.Name == "sync" || x.Name == "atomic")
	}
	return false
}

// makesFixed is true for calls whose result cannot change: conversions, known constructors, and functions of the
// package that return neither a pointer nor a channel.
func makesFixed(call *ast.CallExpr, pkg []*goFile) bool {
	switch fn := call.Fun.(type) {
	case *ast.ArrayType, *ast.ParenExpr:
		return true
	case *ast.FuncLit:
		return fixedResult(fn.Type)
	case *ast.SelectorExpr:
		return slices.Contains([]string{
			"errors.New", "fmt.Errorf", "regexp.MustCompile", "template.Must", "strings.NewReplacer", "crc32.MakeTable",
			"netip.MustParseAddr", "netip.MustParsePrefix", "netip.MustParseAddrPort", "time.Date", "time.Unix", "time.Duration",
			"image.Rect", "image.Pt",
		}, types.ExprString(fn))
	case *ast.Ident:
		if fn.Name == "make" || fn.Name == "new" {
			return false
		}
		decl := funcDecl(fn.Name, pkg)
		return decl == nil || fixedResult(decl.Type) // no function: a conversion, or a builtin such as len
	}
	return false
}

func fixedResult(typ *ast.FuncType) bool {
	return typ.Results != nil && !slices.ContainsFunc(typ.Results.List, func(f *ast.Field) bool { return changes(f.Type) })
}

func funcDecl(name string, pkg []*goFile) *ast.FuncDecl {
	for _, f := range pkg {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == name {
				return fn
			}
		}
	}
	return nil
}
