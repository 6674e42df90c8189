package webui

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// assembly puts modules into one file, each after those that it needs, without what tied them together. It understands as much of JavaScript as the page's own
// style needs, and refuses the rest.
type assembly struct {
	at       string // what stands for assetsAt
	text     bytes.Buffer
	seen     map[string]bool
	declared map[string]string // top-level name to module
}

// assemble returns a module and all that it needs in one file.
func assemble(module, at string) ([]byte, error) {
	a := assembly{at: at, seen: map[string]bool{}, declared: map[string]string{}}
	if err := a.add(module); err != nil {
		return nil, fmt.Errorf("assemble %s: %w", module, err)
	}
	return a.text.Bytes(), nil
}

// terse returns JavaScript without the comments that have their lines for themselves, and without empty lines.
func terse(script []byte) []byte {
	var kept []byte
	inside := false
	for line := range bytes.Lines(script) {
		code := bytes.TrimSpace(line)
		whole := bytes.HasPrefix(code, []byte("/**")) && (!bytes.Contains(code, []byte("*/")) || bytes.HasSuffix(code, []byte("*/")))
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
	importLine  = regexp.MustCompile(`^import \{ ([\w, ]+) \} from '\./([a-z-]+\.js)';$`)
	exportLine  = regexp.MustCompile(`^export ((?:async )?function |class |const )`)
	declaration = regexp.MustCompile(`^(?:export )?(?:async )?(?:function|class|const|let|var) (\w+)`)
	moduleWord  = regexp.MustCompile(`^\s*(?:import|export)\b|\bimport\(|\bimport\.meta\b`)
)

// assetsAt says in root.js where the assets are.
const assetsAt = `export const assets = new URL('./', import.meta.url);`

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
		return a.at, nil
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
