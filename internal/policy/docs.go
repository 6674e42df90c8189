package policy

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

func docRules() []Rule {
	return []Rule{
		{
			"one package comment",
			"write one comment \"Package NAME ...\" in doc.go or in the file named after the package, and no second one",
			packageComments,
		},
		{
			"exported names are documented",
			"say in a doc comment what it is for, its units, its errors, its spec clause; or unexport it",
			undocumented,
		},
		{
			"packages are named after what they hold",
			"name the package after its noun (frame, subject, drop), or move the code to its only user",
			vagueNames,
		},
	}
}

// packageComments flags a package without a comment, with two, with one in an odd place, or with one that names another
// package.
func packageComments(tr *Tree) (found []Finding) {
	byPkg := map[string][]*goFile{}
	var order []string
	for _, f := range tr.code() {
		if byPkg[f.pkg()] == nil {
			order = append(order, f.pkg())
		}
		byPkg[f.pkg()] = append(byPkg[f.pkg()], f)
	}
	for _, pkg := range order {
		files := slices.DeleteFunc(byPkg[pkg], func(f *goFile) bool { return f.ast.Doc == nil })
		switch len(files) {
		case 0:
			found = append(found, Finding{strings.Fields(pkg)[0], "no package comment"})
		case 1:
			found = append(found, oddComment(files[0])...)
		default:
			found = append(found, Finding{files[1].path, "a second package comment beside " + files[0].path})
		}
	}
	return found
}

func oddComment(f *goFile) []Finding {
	name := f.ast.Name.Name
	file := path.Base(f.path)
	if file != "doc.go" && file != name+".go" && file != path.Base(f.dir())+".go" {
		return []Finding{{f.path, "the package comment is neither in doc.go nor in the file named after the package"}}
	}
	if !f.isMain() && !strings.HasPrefix(f.ast.Doc.Text(), "Package "+name+" ") {
		return []Finding{{f.path, "the package comment does not begin with \"Package " + name + " \""}}
	}
	return nil
}

func undocumented(tr *Tree) (found []Finding) {
	for _, f := range tr.code() {
		if f.isMain() {
			continue
		}
		for _, decl := range f.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Doc == nil && d.Name.IsExported() && onExportedType(d) && !speaksForItself(d) {
					found = append(found, Finding{tr.pos(d), d.Name.Name + " has no doc comment"})
				}
			case *ast.GenDecl:
				found = append(found, undocumentedSpecs(tr, d)...)
			}
		}
	}
	return found
}

// undocumentedSpecs flags types, constants and variables; one comment above a group of constants or variables serves
// all of it.
func undocumentedSpecs(tr *Tree, d *ast.GenDecl) (found []Finding) {
	for _, spec := range d.Specs {
		var names []*ast.Ident
		var doc bool
		switch s := spec.(type) {
		case *ast.TypeSpec:
			names, doc = []*ast.Ident{s.Name}, s.Doc != nil || d.Doc != nil
		case *ast.ValueSpec:
			names, doc = s.Names, s.Doc != nil || s.Comment != nil || d.Doc != nil
		}
		for _, n := range names {
			if n.IsExported() && !doc {
				found = append(found, Finding{tr.pos(n), n.Name + " has no doc comment"})
			}
		}
	}
	return found
}

// onExportedType is true for a function, and for a method that users can reach.
func onExportedType(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && token.IsExported(id.Name) {
			exported = true
		}
		return true
	})
	return exported
}

// speaksForItself names the methods whose contract is that of a well-known interface.
func speaksForItself(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "String", "Unwrap"}, d.Name.Name)
}

func vagueNames(tr *Tree) (found []Finding) {
	vague := []string{"util", "utils", "common", "helper", "helpers", "misc"}
	for _, f := range tr.gofs {
		name := strings.TrimSuffix(f.ast.Name.Name, "_test")
		if slices.Contains(vague, name) || slices.Contains(vague, path.Base(f.dir())) {
			found = append(found, Finding{f.path, "package " + name + " says nothing"})
		}
	}
	return found
}
