package webui

import (
	"path"
	"strings"
	"testing"
)

func TestAssetHasNoDocs(t *testing.T) {
	for name := range files(t) {
		if path.Ext(name) != ".js" {
			continue
		}
		whole, err := FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		served, err := Asset(path.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		was, is := strings.Split(string(whole), "\n"), strings.Split(string(served), "\n")
		if len(was) != len(is) {
			t.Fatalf("%s: %d lines became %d", name, len(was), len(is))
		}
		for i, line := range was {
			code := strings.TrimSpace(line)
			if docs := strings.HasPrefix(code, "/**") || strings.HasPrefix(code, "*"); !docs && is[i] != line {
				t.Errorf("%s:%d: %q became %q", name, i+1, line, is[i])
			}
		}
	}
	if _, err := Asset("none.js"); err == nil {
		t.Error("there is a none.js")
	}
}

func TestWithoutDocs(t *testing.T) {
	for _, c := range []struct{ name, module, want string }{
		{"one line", "/** @type {number} */\nlet a;\n", "\nlet a;\n"},
		{"several lines", "  /**\n   * Says why.\n   */\n  f();", "\n\n\n  f();"},
		{"a cast", "/** @type {A} */ (a).b();\nc(/** @type {D} */ (d));\n", "/** @type {A} */ (a).b();\nc(/** @type {D} */ (d));\n"},
		{"after code", "let a = 1; /** one */\n", "let a = 1; /** one */\n"},
		{"a comment that says why", "// why\n", "// why\n"},
	} {
		if got := string(withoutDocs([]byte(c.module))); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
