package policy

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
)

// fixture is a tree in memory that a rule must flag, or must not.
type fixture struct {
	name  string
	files files
	flags string // text of the one finding that is expected; "" = none
}

type files map[string]string

func (fx fixture) run(t *testing.T, r Rule) {
	fsys := fstest.MapFS{}
	for name, text := range fx.files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	found := r.Check(tree)
	switch {
	case fx.flags == "" && len(found) > 0:
		t.Errorf("flagged, but is fine: %v", found)
	case fx.flags != "" && len(found) != 1:
		t.Errorf("want one finding with %q, got %v", fx.flags, found)
	case fx.flags != "" && !strings.Contains(found[0].At+": "+found[0].What, fx.flags):
		t.Errorf("want a finding with %q, got %v", fx.flags, found[0])
	}
}

// imports is a Go file of the package p that imports something.
func imports(imp string) string {
	return "package p\nimport _ \"" + strings.Replace(imp, "~", modulePath, 1) + "\"\n"
}

// manyFiles is a package in the folder a with n files of the same text.
func manyFiles(name string, n int, text string) files {
	all := files{}
	for i := range n {
		all["a/"+fmt.Sprintf(name, i)] = text
	}
	return all
}

// code is a Go file of the package p.
func code(lines ...string) string { return "package p\n" + strings.Join(lines, "\n") + "\n" }

// fixtures is what each rule is proven with, by the rule's name.
func fixtures() map[string][]fixture {
	all := textFixtures()
	maps.Copy(all, map[string][]fixture{
		"each output and each source is a package of its own": {
			{"another output", files{"hub/internal/output/ts/ts.go": imports("~/hub/internal/output/mp4")}, "ts.go:2"},
			{"another source", files{"agent/internal/source/exec/exec.go": imports("~/agent/internal/source/v4l2/device")},
				"exec.go:2"},
			{"a stranger", files{"hub/internal/viewers/viewers.go": imports("~/hub/internal/output/mp4")}, "viewers.go:2"},
			{"the package above", files{"hub/internal/output/ts/ts.go": imports("~/hub/internal/output")}, ""},
			{"a helper", files{"agent/internal/source/exec/exec.go": imports("~/agent/internal/source/splitter")}, ""},
			{"its own", files{"agent/internal/source/v4l2/v4l2.go": imports("~/agent/internal/source/v4l2/device")}, ""},
			{"registration", files{"hub/internal/outputs/outputs.go": imports("~/hub/internal/output/ts")}, ""},
			{"a test", files{"hub/hub_test.go": imports("~/hub/internal/output/mp4")}, ""},
		},
		"files have at most 400 lines": {
			{"Go", files{"p.go": code(strings.Repeat("\n", 400))}, "p.go: 402 lines"},
			{"script", files{"webui/app.mjs": strings.Repeat("\n", 401)}, "app.mjs: 401 lines"},
			{"style sheet", files{"webui/style.css": strings.Repeat("\n", 500)}, ""},
			{"packages", files{"e2e/browser/node_modules/x/x.js": strings.Repeat("\n", 500)}, ""},
			{"just fits", files{"p.go": strings.Repeat("\n", 399) + "package p\n"}, ""},
		},
		"packages have at most 20 files and 2500 lines": {
			{"files", manyFiles("p%d.go", 21, code()), "a: 21 files, 42 lines"},
			{"lines", manyFiles("p%d.go", 20, code(strings.Repeat("\n", 124))), "a: 20 files, 2520 lines"},
			{"just fits", manyFiles("p%d.go", 20, code(strings.Repeat("\n", 122))), ""},
			{"tests", manyFiles("p%d_test.go", 21, code()), ""},
		},
	})
	return all
}

// withFlags is a Go file with a text, beside the page that lists --max-fps.
func withFlags(name, text string) files {
	return files{"docs/ref/config.md": "- `max-fps` (`300`): Maximum.\n", name: code("const a = \"" + text + "\"")}
}

// glossary is a glossary whose one term has these identifiers, and a Go file of the package p.
func glossary(identifiers string, lines ...string) files {
	page := "Terms:\n\n- **a `b`** (" + identifiers + "): a letter; not `c`\n"
	return files{"docs/design/glossary.md": page, "p.go": code(lines...)}
}

// The cut strings below keep this file from being flagged itself.
func textFixtures() map[string][]fixture {
	return map[string][]fixture{
		"no path of one machine": {
			{"literal", files{"p.go": code("const p = \"/" + "tmp/x\"")}, "p.go:2"},
			{"page", files{"docs/a.md": "see /" + "root/notes\n"}, "a.md:1"},
			{"devices", files{"p.go": code("const p = \"/dev/video0\" + \"/proc/self\"")}, ""},
			{"below another", files{"a.sh": "#!/usr/bin/env bash\ncd \"$HOME/work/x\" && ls build/tmp/x\n"}, ""},
		},
		"identifiers of the glossary exist": {
			{"none", glossary("`p.Gone`", "type Here int"), "docs/design/glossary.md:3: p.Gone does not exist"},
			{"another package", glossary("`q.Here`", "type Here int"), "q.Here"},
			{"no such field", glossary("`p.Here.Gone`", "type Here struct{ There int }"), "p.Here.Gone"},
			{"the second of two", glossary("`p.Here`, `p.Gone`", "type Here int"), "p.Gone"},
			{"all kinds", glossary("`p.T`, `p.T.F`, `p.T.M`, `p.I.M`, `p.V`, `p.f`", "type T struct{ F int }",
				"func (*T) M() {}",
				"type I interface{ M() }", "const V = 1", "func f() {}"), ""},
			{"no identifiers", files{"docs/design/glossary.md": "- **a**: as `b` (`c`); not `d`\n"}, ""},
		},
		"names are the field's words": {
			{"type", files{"p.go": code("type Door int")}, "p.go: Door is a metaphor"},
			{"a part of a name", files{"p_test.go": code("func newRigFor() {}")}, "newRigFor"},
			{"method", files{"p.go": code("type t int", "func (t) letStrangersIn() {}")}, "t.letStrangersIn"},
			{"field", files{"p.go": code("type t struct{ keeper int }")}, "t.keeper"},
			{"within a word", files{"p.go": code("type Trigger int", "func rigid() {}")}, ""},
		},
		"pages that code names exist": {
			{"comment", files{"a/p.go": code("// f is as docs/b.md says.", "func f() {}")},
				"a/p.go:2: docs/b.md does not exist"},
			{"later line", files{"p.go": code("/* One.", "See docs/b.md. */", "func f() {}")}, "p.go:3: docs/b.md"},
			{"anchor", files{"p.go": code("// See docs/b.md#two."), "docs/b.md": "# One\n"},
				"no heading of docs/b.md makes the anchor #two"},
			{"script", files{"webui/a.js": "// as docs/" + "ref/b.md says\n"}, "webui/a.js:1"},
			{"good", files{"a/p.go": code("// See docs/b.md, and docs/b.md#one."), "docs/b.md": "# One\n"}, ""},
			{"not a comment", files{"p.go": code("const a = \"docs/b.md\"")}, ""},
			{"without a folder", files{"p.go": code("// See DESIGN.md.")}, "p.go:2: DESIGN.md does not exist"},
			{"beside the file", files{"a/p.go": code("// See b.md."), "a/b.md": ""}, ""},
			{"elsewhere", files{"p.go": code("// See https://x.example/docs/b.md."), "a.mjs": "// see README.md\n"}, ""},
		},
		"tests that the docs name exist": {
			{"none", files{"docs/a.md": "Tested (`TestGone`).\n"}, "docs/a.md:1: there is no test TestGone"},
			{"one", files{"docs/a.md": "Tested (`TestHere`).\n", "a_test.go": code("func TestHere(t *testing.T) {}")}, ""},
			{"a part of one", files{"docs/a.md": "`TestHere/x`\n", "a_test.go": code("func TestHere(t *testing.T) {}")}, ""},
		},
		"only commands name flags": {
			{"error", withFlags("hub/internal/p/p.go", "give --max-fps 5"), "hub/internal/p/p.go:2: names the flag --max-fps"},
			{"root", withFlags("internal/p/p.go", "without --max-fps"), "names the flag"},
			{"setting", withFlags("hub/internal/p/p.go", "give {max-fps} 5"), ""},
			{"whole command", withFlags("hub/internal/p/p.go", "bramble-hub serve --max-fps 5"), ""},
			{"another program's", withFlags("hub/internal/p/p.go", "ffmpeg --help"), ""},
			{"command", withFlags("hub/cmd/bramble-hub/p.go", "give --max-fps 5"), ""},
		},
		"texts name roles": {
			{"comment", files{"p.go": code("// f is for who"+"ever asks.", "func f() {}")}, "p.go:2"},
			{"page", files{"docs/guide/a.md": "There is no" + "body.\n"}, "a.md:1"},
			{"first word", files{"a.js": "No" + "body looks.\n"}, "a.js:1"},
			{"user", files{"a.Dockerfile": "USER no" + "body:no" + "body\n"}, ""},
			{"within a word", files{"a.md": "the renewed certificate\n"}, ""},
		},
		"shared starts no goroutine": {
			{"go", files{"shared/p/p.go": code("func f() {", "\tgo f()", "}")}, "shared/p/p.go:3"},
			{"literal", files{"shared/p/p.go": code("func f() {", "\tgo func() {}()", "}")}, "shared/p/p.go:3"},
			{"wait group", files{"shared/p/p.go": code("func f() { var wg sync.WaitGroup; wg.Go(f) }")}, ".Go("},
			{"hub", files{"hub/p.go": code("func f() {", "\tgo f()", "}")}, ""},
			{"a test", files{"shared/p/p_test.go": code("func f() {", "\tgo f()", "}")}, ""},
		},
		"no conflict markers": {
			{"ours", files{"CHANGELOG.md": "a\n" + strings.Repeat("<", 7) + " HEAD\n"}, "CHANGELOG.md:2"},
			{"theirs", files{"a.yaml": strings.Repeat(">", 7) + " main\n"}, "a.yaml:1"},
			{"a heading", files{"a.md": "Heading\n=======\n"}, ""},
		},
		"no package registry": {
			{"lock file", files{"e2e/browser/package-lock.json": "{\n\"resolved\": \"https" + "://r.example/x.tgz\"}\n"},
				"package-lock.json:2"},
			{"setting", files{".npmrc": "registry" + "=https://r.example\n"}, ".npmrc:1"},
			{"clean lock file", files{"package-lock.json": "{\"integrity\": \"sha512-x\"}\n"}, ""},
		},
		"no fixed port in tests": {
			{"Go", files{"p_test.go": code("const a = \"localhost" + ":8080\"")}, "p_test.go:2"},
			{"NATS", files{"p_test.go": code("const a = \"nats://127.0.0.1" + ":4222\"")}, "p_test.go:2"},
			{"any address", files{"p_test.go": code("const a = \":" + "8080\"")}, "p_test.go:2"},
			{"script", files{"e2e/browser/grid.spec.mjs": "open('http://localhost" + ":3000/')\n"}, "grid.spec.mjs:1"},
			{"port 0", files{"p_test.go": code("const a, b = \"127.0.0.1:0\", `{\"width\":1280}`")}, ""},
			{"nothing listens", files{"p_test.go": code("const a = \"127.0.0.1:1\"")}, ""},
			{"a default", files{"hub/config.go": code("const a = \"127.0.0.1" + ":8080\"")}, ""},
		},
		"links in the docs resolve": {
			{"gone", files{"docs/a.md": "[b](b.md)\n"}, "docs/a.md:1: b.md leads to docs/b.md"},
			{"out of the repository", files{"a.md": "[b](../b.md)\n"}, "../b.md"},
			{"picture", files{"a.md": "<img src=\"b.png\">\n"}, "b.png"},
			{"reference", files{"a.md": "[b]: b.md\n"}, "b.md"},
			{"anchor", files{"a.md": "# One\n[b](#two)\n"}, "the anchor #two"},
			{"absolute", files{"a.md": "[b](/a.md)\n"}, "is absolute"},
			{"good", files{"docs/a.md": "# It's `so`: 1, 2\n[b](../b/c.go) [d](#its-so-1-2) [w](https://x.example/y)\n",
				"b/c.go": code()}, ""},
			{"test data", files{"a.md": "[b](testdata/b.bin)\n", "testdata/b.bin": ""}, ""},
			{"code", files{"a.md": "`[b](b.md)`\n```\n[b](b.md)\n```\n"}, ""},
		},
	}
}
