package webui

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// bundler joins ES modules into one file. Each module follows the modules that it imports; import and export clauses
// are removed. It knows the style of this page only, and refuses every other import or export.
type bundler struct {
	modules   fs.FS
	assetsURL string // replaces assetsDeclaration
	out       bytes.Buffer
	added     map[string]bool
	declared  map[string]string // top-level name to the module that declares it
}

// bundle returns the module entry and all that it imports as one file. assetsURL replaces the declaration of the
// folder's URL.
func bundle(modules fs.FS, entry, assetsURL string) ([]byte, error) {
	b := bundler{modules: modules, assetsURL: assetsURL, added: map[string]bool{}, declared: map[string]string{}}
	if err := b.add(entry); err != nil {
		return nil, fmt.Errorf("bundle %s: %w", entry, err)
	}
	return b.out.Bytes(), nil
}

// stripComments returns JavaScript without empty lines and without comments that stand on lines of their own.
func stripComments(script []byte) []byte {
	var kept []byte
	inside := false
	for line := range bytes.Lines(script) {
		code := bytes.TrimSpace(line)
		whole := bytes.HasPrefix(code, []byte("/**")) &&
			(!bytes.Contains(code, []byte("*/")) || bytes.HasSuffix(code, []byte("*/")))
		switch {
		case inside || whole:
			inside = !bytes.HasSuffix(code, []byte("*/"))
		case len(code) > 0 && !bytes.HasPrefix(code, []byte("//")):
			kept = append(kept, line...)
		}
	}
	return kept
}

var (
	importLine  = regexp.MustCompile(`^import \{ ([\w, ]+) \} from '(\.\.?/[a-z/-]+\.js)';$`)
	exportLine  = regexp.MustCompile(`^export ((?:async )?function |class |const )`)
	declaration = regexp.MustCompile(`^(?:export )?(?:async )?(?:function|class|const|let|var) (\w+)`)
	moduleWord  = regexp.MustCompile(`^\s*(?:import|export)\b|\bimport\(|\bimport\.meta\b`)
)

// The line of hub/urls.js that says where the folder assets is, and what replaces it in the page's bundle, which lies
// in that folder.
const (
	assetsDeclaration = `export const assets = new URL('../', import.meta.url);`
	pageAssets        = `const assets = new URL('./', import.meta.url);`
)

// add appends a module, after those that it imports.
func (b *bundler) add(module string) error {
	if b.added[module] {
		return nil
	}
	b.added[module] = true
	data, err := fs.ReadFile(b.modules, module)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if line, err = b.rewrite(module, line); err != nil {
			return fmt.Errorf("%s:%d: %w", module, i+1, err)
		}
		text.WriteString(line + "\n")
	}
	b.out.Write(text.Bytes()) // after the modules that it imports
	return nil
}

// rewrite returns a line of a module as it stands in the bundle.
func (b *bundler) rewrite(module, line string) (string, error) {
	if m := importLine.FindStringSubmatch(line); m != nil {
		return "", b.addImported(path.Join(path.Dir(module), m[2]), strings.Split(m[1], ", "))
	}
	if m := declaration.FindStringSubmatch(line); m != nil {
		if other := b.declared[m[1]]; other != "" {
			return "", fmt.Errorf("%s is declared in %s too: rename one of them", m[1], other)
		}
		b.declared[m[1]] = module
	}
	if line == assetsDeclaration {
		return b.assetsURL, nil
	}
	line = exportLine.ReplaceAllString(line, "$1")
	code := strings.TrimSpace(line)
	if strings.HasPrefix(code, "*") || strings.HasPrefix(code, "/*") || strings.HasPrefix(code, "//") {
		return line, nil // comments may import types
	}
	if moduleWord.MatchString(line) {
		return "", fmt.Errorf("the bundler does not support %q", line)
	}
	return line, nil
}

// addImported adds an imported module, which must declare the imported names.
func (b *bundler) addImported(module string, names []string) error {
	if err := b.add(module); err != nil {
		return err
	}
	for _, name := range names {
		if b.declared[name] != module {
			return fmt.Errorf("%s is imported from %s, which does not declare it before", name, module)
		}
	}
	return nil
}
