package webui_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bramble-cam/bramble/webui"
)

func TestElementIsOneFile(t *testing.T) {
	text := string(webui.Element())
	for _, want := range []string{
		"class BrambleCamera extends HTMLElement", "class HubConnection ",
		"const assets = new URL('assets/', import.meta.url);", "customElements.define('bramble-camera'",
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is %d times in the element, not once", want, strings.Count(text, want))
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "export ") {
			t.Errorf("the element still has %q", line)
		}
	}
	if strings.Index(text, "class Subscription ") > strings.Index(text, "class HubConnection ") {
		t.Error("the class HubConnection is before Subscription, which it needs")
	}
}

func TestBundlesParse(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	for name, text := range map[string][]byte{"element.mjs": webui.Element(), "page.mjs": webui.Script()} {
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
		"a renaming import":  "import { used as u } from './used.js';",
		"a default import":   "import used from './used.js';",
		"a bare import":      "import './used.js';",
		"a late import":      "const x = await import('./used.js');",
		"a default export":   "export default class {}",
		"a list of exports":  "export { a, b };",
		"its own address":    "const here = import.meta.url;",
		"a name that is not": "import { nothing } from './used.js';",
		"a missing module":   "import { nothing } from './missing.js';",
		"a module outside":   "import { used } from '../used.js';",
		"a name used twice":  "import { used } from './used.js';\nconst used = 1;",
	} {
		t.Run(what, func(t *testing.T) {
			modules := fstest.MapFS{"entry.js": {Data: []byte(line)}, "used.js": {Data: []byte("export const used = 1;")}}
			if got, err := webui.Bundle(modules, "entry.js", ""); err == nil {
				t.Errorf("%q became %q, want an error", line, got)
			}
		})
	}
}

// TestBundleOrder: modules stand once, behind those that they import, from whatever folder.
func TestBundleOrder(t *testing.T) {
	modules := fstest.MapFS{
		"entry.js": {Data: []byte(
			"import { a } from './x/a.js';\nimport { b } from './y/b.js';\nexport const c = a + b;")},
		"x/a.js": {Data: []byte("export const a = 1;")},
		"y/b.js": {Data: []byte(
			"import { a } from '../x/a.js';\nimport { assets } from '../hub/urls.js';\nexport const b = a;")},
		"hub/urls.js": {Data: []byte("export const assets = new URL('../', import.meta.url);")},
	}
	got, err := webui.Bundle(modules, "entry.js", "const assets = 'here';")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"const a = 1;", "const assets = 'here';", "const b = a;", "const c = a + b;"}
	lines := slices.DeleteFunc(strings.Split(string(got), "\n"), func(line string) bool { return line == "" })
	if !slices.Equal(lines, want) {
		t.Errorf("the bundle is %q, want %q", lines, want)
	}
}

func TestStripComments(t *testing.T) {
	const script = "/** What it is. */\nconst a = 1; // here\n\n/**\n * More.\n * @param {string} b\n */\n" +
		"function f(b) {\n  // Why.\n  return /** @type {any} */ (b);\n}\n/** @type {number} */ (a);\n"
	const want = "const a = 1; // here\nfunction f(b) {\n  return /** @type {any} */ (b);\n}\n/** @type {number} */ (a);\n"
	if got := string(webui.StripComments([]byte(script))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
