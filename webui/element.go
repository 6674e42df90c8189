package webui

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"
)

const elementModule = "bramble-camera.js"

// Element returns the custom element <bramble-camera> in one file, for other people's pages: its modules, each after those that it needs, without what tied them together.
// The file lies in the hub's root, beside the folder assets. It is assembled anew by each call.
func Element() []byte {
	a := assembly{seen: map[string]bool{}, declared: map[string]string{}}
	if err := a.add(elementModule); err != nil {
		panic("webui: " + err.Error()) // the modules are embedded, and a test assembles them
	}
	return a.text.Bytes()
}

// assembly understands as much of JavaScript modules as the page's own style needs, and refuses the rest.
type assembly struct {
	text     bytes.Buffer
	seen     map[string]bool
	declared map[string]string // top-level name to module
}

var (
	importLine  = regexp.MustCompile(`^import \{ ([\w, ]+) \} from '\./([a-z-]+\.js)';$`)
	exportLine  = regexp.MustCompile(`^export ((?:async )?function |class |const )`)
	declaration = regexp.MustCompile(`^(?:export )?(?:async )?(?:function|class|const|let|var) (\w+)`)
	moduleWord  = regexp.MustCompile(`^\s*(?:import|export)\b|\bimport\(|\bimport\.meta\b`)
)

// assetsAt says in root.js where the assets are; the assembled file is one folder above them.
const (
	assetsAt = `export const assets = new URL('./', import.meta.url);`
	assetsBy = `const assets = new URL('assets/', import.meta.url);`
)

func (a *assembly) add(name string) error {
	if a.seen[name] {
		return nil
	}
	a.seen[name] = true
	data, err := FS.ReadFile(path.Join("assets", name))
	if err != nil {
		return err
	}
	var own bytes.Buffer
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if line, err = a.line(name, line); err != nil {
			return fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		own.WriteString(line + "\n")
	}
	a.text.Write(own.Bytes()) // after the modules that it imports
	return nil
}

// line returns the line as it stands in the assembled file.
func (a *assembly) line(module, line string) (string, error) {
	if m := importLine.FindStringSubmatch(line); m != nil {
		if err := a.add(m[2]); err != nil {
			return "", err
		}
		for name := range strings.SplitSeq(m[1], ", ") {
			if a.declared[name] != m[2] {
				return "", fmt.Errorf("%s is imported from %s, which does not declare it before", name, m[2])
			}
		}
		return "", nil
	}
	if m := declaration.FindStringSubmatch(line); m != nil {
		if other := a.declared[m[1]]; other != "" {
			return "", fmt.Errorf("%s is declared in %s too: rename one of them", m[1], other)
		}
		a.declared[m[1]] = module
	}
	if line == assetsAt {
		return assetsBy, nil
	}
	line = exportLine.ReplaceAllString(line, "$1")
	code := strings.TrimSpace(line)
	if strings.HasPrefix(code, "*") || strings.HasPrefix(code, "/*") || strings.HasPrefix(code, "//") {
		return line, nil // types in comments
	}
	if moduleWord.MatchString(line) {
		return "", fmt.Errorf("the assembler does not understand %q", line)
	}
	return line, nil
}
