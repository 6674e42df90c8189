package policy

import (
	"go/ast"
	"regexp"
	"strconv"
	"strings"
)

const glossaryPage = "docs/design/glossary.md"

func glossaryRules() []Rule {
	return []Rule{{
		"identifiers of the glossary exist",
		"write `package.Name` or `package.Type.Member` of the code as it is; when a name changes, its line in the " +
			"glossary changes with it",
		missingIdentifiers,
	}, {
		"names are the field's words",
		"use the word of net/http, NATS or the codec, as docs/design/glossary.md has it",
		metaphors,
	}}
}

// metaphors finds names with a word that stands for something else than it says.
func metaphors(tr *Tree) (found []Finding) {
	words := regexp.MustCompile(`[A-Z]?[a-z]+`)
	for _, f := range tr.gofs {
		for _, name := range declarations(f.ast) {
			for _, word := range words.FindAllString(name, -1) {
				switch strings.ToLower(word) {
				case "door", "doors", "newcomer", "newcomers", "keeper", "seldom", "loan", "liar", "rude", "crowd", "diary",
					"census", "rig", "stranger", "strangers", "rival", "burial", "undertaker":
					found = append(found, Finding{f.path, name + " is a metaphor"})
				}
			}
		}
	}
	return found
}

// missingIdentifiers finds identifiers in the parentheses after the glossary's terms that no Go file declares.
func missingIdentifiers(tr *Tree) (found []Finding) {
	declared := map[string]bool{}
	for _, f := range tr.code() {
		for _, name := range declarations(f.ast) {
			declared[f.ast.Name.Name+"."+name] = true
		}
	}
	term := regexp.MustCompile(`^- \*\*[^*]+\*\* \(([^)]*)\)`)
	identifier := regexp.MustCompile("`([^`]+)`")
	for i, line := range strings.Split(tr.text[glossaryPage], "\n") {
		m := term.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for _, id := range identifier.FindAllStringSubmatch(m[1], -1) {
			if !declared[id[1]] {
				found = append(found, Finding{glossaryPage + ":" + strconv.Itoa(i+1), id[1] + " does not exist"})
			}
		}
	}
	return found
}

// declarations returns what a file declares at package level, and fields and methods of types as Type.Member.
func declarations(f *ast.File) (all []string) {
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if recv := receiver(d); recv != "" {
				all = append(all, recv+"."+d.Name.Name)
			} else {
				all = append(all, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				all = append(all, specNames(spec)...)
			}
		}
	}
	return all
}

func specNames(spec ast.Spec) (all []string) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, n := range s.Names {
			all = append(all, n.Name)
		}
	case *ast.TypeSpec:
		all = append(all, s.Name.Name)
		var members *ast.FieldList
		switch t := s.Type.(type) {
		case *ast.StructType:
			members = t.Fields
		case *ast.InterfaceType:
			members = t.Methods
		default:
			return all
		}
		for _, field := range members.List {
			for _, n := range field.Names {
				all = append(all, s.Name.Name+"."+n.Name)
			}
		}
	}
	return all
}

// receiver returns the name of the type that a method belongs to; "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	typ := d.Recv.List[0].Type
	if p, ok := typ.(*ast.StarExpr); ok {
		typ = p.X
	}
	if g, ok := typ.(*ast.IndexExpr); ok {
		typ = g.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
