package policy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// modulePath is what import paths of this repository start with.
const modulePath = "github.com/bramble-cam/bramble"

// Tree is the repository as the rules see it. It comes from any file system, so that a fixture is a few lines in
// memory.
type Tree struct {
	fsys fs.FS
	fset *token.FileSet
	text map[string]string // contents of the files that people write, outside of the skipped directories
	gofs []*goFile         // every Go file whatever its build constraints, so that no platform escapes
}

// goFile is one parsed Go file.
type goFile struct {
	path string
	ast  *ast.File
}

// Load reads and parses a source tree. A Go file that does not parse is an error: no rule could check it.
func Load(fsys fs.FS) (*Tree, error) {
	tr := &Tree{fsys: fsys, fset: token.NewFileSet(), text: map[string]string{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skippedDir(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if isText(name) {
			return tr.read(name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the source tree: %w", err)
	}
	return tr, nil
}

func (tr *Tree) read(name string) error {
	b, err := fs.ReadFile(tr.fsys, name)
	if err != nil {
		return err
	}
	tr.text[name] = string(b)
	if path.Ext(name) != ".go" {
		return nil
	}
	f, err := parser.ParseFile(tr.fset, name, b, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	tr.gofs = append(tr.gofs, &goFile{path: name, ast: f})
	return nil
}

// skippedDir says which directories hold nothing that the house wrote: version control, packages, build and test
// output, test data.
func skippedDir(name string) bool {
	switch name {
	case ".", ".ci", ".github":
		return false
	case "node_modules", "testdata", "bin", "dist", "test-results":
		return true
	}
	return strings.HasPrefix(name, ".")
}

// isText says which files the rules read as text.
func isText(name string) bool {
	switch path.Base(name) {
	case "Makefile", "run", ".npmrc", ".gitignore":
		return true
	}
	ext := path.Ext(name)
	return ext == ".Dockerfile" || slices.Contains([]string{
		".go", ".js", ".mjs", ".ts", ".html", ".css", ".json", ".md", ".sh", ".yml", ".yaml", ".toml", ".conf", ".service",
	}, ext)
}

// pos is "file:line" of a node.
func (tr *Tree) pos(n ast.Node) string {
	p := tr.fset.Position(n.Pos())
	return p.Filename + ":" + strconv.Itoa(p.Line)
}

// texts is the files with one of the endings, sorted by path.
func (tr *Tree) texts(exts ...string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(tr.text)) {
		if len(exts) == 0 || slices.Contains(exts, path.Ext(name)) {
			names = append(names, name)
		}
	}
	return names
}

func (f *goFile) dir() string  { return path.Dir(f.path) }
func (f *goFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }
func (f *goFile) inE2E() bool  { return within(f.dir(), "e2e") }

// within is true for a directory or import path and for everything below it.
func within(dir, of string) bool { return dir == of || strings.HasPrefix(dir, of+"/") }

// code is the Go files that ship: no tests.
func (tr *Tree) code() []*goFile {
	return slices.DeleteFunc(slices.Clone(tr.gofs), (*goFile).isTest)
}
