package webui

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestElementIsOneFile(t *testing.T) {
	text := string(Element())
	for _, want := range []string{"class BrambleCamera extends HTMLElement", "class Link ", assetsBy, "customElements.define('bramble-camera'"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q stands %d times in the element, not once", want, strings.Count(text, want))
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if importLine.MatchString(line) || strings.HasPrefix(line, "export ") {
			t.Errorf("the element still has %q", line)
		}
	}
	if strings.Index(text, "class Watch ") > strings.Index(text, "class Link ") {
		t.Error("Link stands before Watch, which it needs")
	}
}

func TestElementParses(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	file := filepath.Join(t.TempDir(), "element.mjs")
	if err := os.WriteFile(file, Element(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(node, "--check", file).CombinedOutput(); err != nil {
		t.Errorf("node --check: %v\n%s", err, out)
	}
}

func TestAssemblyRefuses(t *testing.T) {
	for what, line := range map[string]string{
		"a renaming import":  "import { Link as L } from './link.js';",
		"a default import":   "import Link from './link.js';",
		"a bare import":      "import './link.js';",
		"a late import":      "const x = await import('./link.js');",
		"a default export":   "export default class {}",
		"a list of exports":  "export { a, b };",
		"its own address":    "const here = import.meta.url;",
		"a name that is not": "import { nothing } from './wire.js';",
		"a missing module":   "import { nothing } from './missing.js';",
		"a name used twice":  "const taken = 1;",
	} {
		t.Run(what, func(t *testing.T) {
			a := assembly{seen: map[string]bool{}, declared: map[string]string{"taken": "other.js"}}
			if got, err := a.line("test.js", line); err == nil {
				t.Errorf("%q became %q, want an error", line, got)
			}
		})
	}
}
