package policy

import "strings"

func stateFixtures() map[string][]fixture {
	return map[string][]fixture{
		"no init functions": {
			{"init", files{"p.go": code("func init() {}")}, "func init"},
			{"method", files{"p.go": code("func (t) init() {}")}, ""},
		},
		"shared starts no goroutine": {
			{"go", files{"shared/p/p.go": code("func f() { go f() }")}, "go statement"},
			{"hub", files{"hub/p.go": code("func f() { go f() }")}, ""},
			{"wait group", files{"shared/p/p.go": code("func f() { var wg sync.WaitGroup; wg.Go(f) }")}, "call of wg.Go"},
			{"group in a field", files{"shared/p/p.go": code("func (s *t) f() { s.group.Go(s.f) }")}, "call of s.group.Go"},
			{"another call", files{"shared/p/p.go": code("func f(s t) { s.Goes(); Go() }")}, ""},
			{"internal", files{"internal/subprocess/p.go": code("func f() { go f() }")}, ""},
			{"a test", files{"shared/p/p_test.go": code("func f() { go f() }")}, ""},
		},
		"no mutable package variables": {
			{"zero value", files{"p.go": code("var n int")}, "n has no value"},
			{"lock", files{"p.go": code("import \"sync\"", "var mu = sync.Mutex{}")}, "mu is a sync.Mutex"},
			{"atomic", files{"p.go": code("var n atomic.Pointer[int] = zero")}, "n has the type atomic.Pointer[int]"},
			{"map", files{"p.go": code("var m = make(map[string]int)")}, "m is what make returns"},
			{"pointer", files{"p.go": code("var c = &config{}")}, "c is a pointer"},
			{"constructor", files{"p.go": code("var c = newC()", "func newC() *int { return nil }")}, "c is what newC returns"},
			{"foreign", files{"p.go": code("var r = prometheus.NewRegistry()")}, "r is what prometheus.NewRegistry returns"},
			{"assigned", files{"p.go": code("var n = 1", "func f() { n = 2 }")}, "p.go:3: n is changed here"},
			{"counted", files{"p.go": code("var n = 1", "func f() { n++ }")}, "n is changed here"},
			{"element", files{"p.go": code("var t = []int{1}", "func f() { t[0] = 2 }")}, "t is changed here"},
			{"deleted", files{"p.go": code("var t = map[int]int{}", "func f() { delete(t, 1) }")}, "t is changed here"},
			{"handed out", files{"p.go": code("var n = 1", "func f() *int { return &n }")}, "n is changed here"},
			{"by a test", files{"p.go": code("var now = time.Now"), "p_test.go": code("func f() { now = nil }")},
				"p_test.go:2: now is changed"},
			{"of another package", files{"p.go": code("import \"net/http\"", "func f() { http.DefaultClient = nil }")},
				"http.DefaultClient"},
			{"sentinels", files{"p.go": code("var ErrGone = errors.New(\"gone\")", "var e = fmt.Errorf(\"%w\", ErrGone)")}, ""},
			{"pattern", files{"p.go": code("var re = regexp.MustCompile(\"x\")")}, ""},
			{"proof", files{"p.go": code("var _ I = (*T)(nil)")}, ""},
			{"embedded", files{"p.go": code("import _ \"embed\"", "//go:embed x", "var x []byte")}, ""},
			{"table", files{"p.go": code("var t = map[string]int{\"a\": 1}", "var u = table()",
				"func table() [2]int { return [2]int{} }")}, ""},
			{"shadow", files{"p.go": code("var n = 1", "func f() { n := 2; n++; _ = n }")}, ""},
			{"field", files{"p.go": code("var n = 1", "func f(s struct{ n int }) { s.n = 2 }")}, ""},
			{"a test's own", files{"p_test.go": code("var update bool", "func f() { update = true }")}, ""},
		},
	}
}

// withFlags is a Go file with a text, beside the page that lists --max-fps.
func withFlags(name, text string) files {
	return files{"docs/ref/config.md": "| flag |\n|---|\n| `--max-fps` |\n", name: code("const a = \"" + text + "\"")}
}

// glossary is a glossary whose one term has these identifiers, and a Go file of the package p.
func glossary(identifiers string, lines ...string) files {
	page := "| term | in the code | not |\n|---|---|---|\n| a `b` | " + identifiers + " | `c` |\n"
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
			{"no column", files{"docs/design/glossary.md": "| term | meaning |\n|---|---|\n| a | `b` |\n"}, "no column"},
			{"all kinds", glossary("`p.T`, `p.T.F`, `p.T.M`, `p.I.M`, `p.V`, `p.f`", "type T struct{ F int }",
				"func (*T) M() {}",
				"type I interface{ M() }", "const V = 1", "func f() {}"), ""},
			{"other columns", files{"docs/design/glossary.md": "| in the code | not |\n|---|---|\n| | `b` |\n"}, ""},
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
