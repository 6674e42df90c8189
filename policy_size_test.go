package bramble

import (
	"fmt"
	"go/ast"
	"strings"
)

const (
	maxFileLines = 400
	maxFuncLines = 60
)

func sizeRules() []rule {
	return []rule{
		{
			fmt.Sprintf("files have at most %d lines", maxFileLines), "split it by concern: one type or one protocol a file",
			longFiles,
		},
		{
			fmt.Sprintf("functions have at most %d lines", maxFuncLines), "name its steps and make each a function",
			longFuncs,
		},
	}
}

func longFiles(tr *tree) (found []finding) {
	for _, name := range tr.texts(".go", ".js", ".mjs", ".ts") {
		if n := strings.Count(tr.text[name], "\n"); n > maxFileLines {
			found = append(found, finding{name, fmt.Sprintf("%d lines", n)})
		}
	}
	return found
}

func longFuncs(tr *tree) (found []finding) {
	for _, f := range tr.code() {
		for _, decl := range f.ast.Decls {
			ast.Inspect(decl, func(n ast.Node) bool {
				name := ""
				switch fn := n.(type) {
				case *ast.FuncDecl:
					name = fn.Name.Name
				case *ast.FuncLit:
					name = "a function literal"
				default:
					return true
				}
				if lines := tr.lines(n); lines > maxFuncLines {
					found = append(found, finding{tr.pos(n), fmt.Sprintf("%s has %d lines", name, lines)})
				}
				return true
			})
		}
	}
	return found
}
