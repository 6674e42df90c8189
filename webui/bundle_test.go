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
	for _, want := range []string{"class BrambleCamera extends HTMLElement", "class HubConnection ", elementAssets, "customElements.define('bramble-camera'"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q stands %d times in the element, not once", want, strings.Count(text, want))
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if importLine.MatchString(line) || strings.HasPrefix(line, "export ") {
			t.Errorf("the element still has %q", line)
		}
	}
	if strings.Index(text, "class Subscription ") > strings.Index(text, "class HubConnection ") {
		t.Error("HubConnection stands before Subscription, which it needs")
	}
}

func TestBundlesParse(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	for name, text := range map[string][]byte{"element.mjs": Element(), "page.mjs": Script()} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(node, "--check", file).CombinedOutput(); err != nil {
			t.Errorf("node --check: %v\n%s", err, out)
		}
	}
}

func TestBundlerRefuses(t *testing.T) {
	for what, line := range map[string]string{
		"a renaming import":  "import { HubConnection as C } from './connection.js';",
		"a default import":   "import HubConnection from './connection.js';",
		"a bare import":      "import './connection.js';",
		"a late import":      "const x = await import('./connection.js');",
		"a default export":   "export default class {}",
		"a list of exports":  "export { a, b };",
		"its own address":    "const here = import.meta.url;",
		"a name that is not": "import { nothing } from './hub/protocol.js';",
		"a missing module":   "import { nothing } from './missing.js';",
		"a name used twice":  "const taken = 1;",
	} {
		t.Run(what, func(t *testing.T) {
			b := bundler{added: map[string]bool{}, declared: map[string]string{"taken": "other.js"}}
			if got, err := b.rewrite("test.js", line); err == nil {
				t.Errorf("%q became %q, want an error", line, got)
			}
		})
	}
}

func TestStripComments(t *testing.T) {
	const script = "/** What it is. */\nconst a = 1; // here\n\n/**\n * More.\n * @param {string} b\n */\nfunction f(b) {\n  // Why.\n  return /** @type {any} */ (b);\n}\n" +
		"/** @type {number} */ (a);\n"
	const want = "const a = 1; // here\nfunction f(b) {\n  return /** @type {any} */ (b);\n}\n/** @type {number} */ (a);\n"
	if got := string(stripComments([]byte(script))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
