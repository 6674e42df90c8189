package policy

import (
	"fmt"
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
	all := map[string][]fixture{}
	for _, part := range []map[string][]fixture{importFixtures(), goFixtures(), stateFixtures(), textFixtures()} {
		for name, fx := range part {
			all[name] = fx
		}
	}
	return all
}

func importFixtures() map[string][]fixture {
	return map[string][]fixture{
		"only agent, commands and e2e import agent": {
			{"hub", files{"hub/hub.go": imports("~/agent")}, "hub/hub.go:2: imports "},
			{"hub's test", files{"hub/hub_test.go": imports("~/agent/internal/source")}, "hub/hub_test.go:2"},
			{"shared", files{"shared/frame/frame.go": imports("~/agent")}, "shared/frame/frame.go:2"},
			{"command", files{"hub/cmd/bramble-hub/demo.go": imports("~/agent")}, ""},
			{"e2e", files{"e2e/relay_test.go": imports("~/agent")}, ""},
			{"itself", files{"agent/agent.go": imports("~/agent/internal/source")}, ""},
		},
		"only hub, commands and e2e import hub": {
			{"agent", files{"agent/agent.go": imports("~/hub")}, "agent/agent.go:2"},
			{"shared", files{"shared/frame/frame.go": imports("~/hub/internal/stream")}, "shared/frame/frame.go:2"},
			{"another name", files{"agent/agent.go": imports("~/hubris")}, ""},
			{"e2e", files{"e2e/relay_test.go": imports("~/hub")}, ""},
		},
		"echo only in web, webauth, apiv1 and compat": {
			{"stream", files{"hub/internal/stream/ring.go": imports("github.com/labstack/echo/v4")}, "ring.go:2"},
			{"middleware in hub", files{"hub/hub.go": imports("github.com/labstack/echo/v4/middleware")}, "hub.go:2"},
			{"web", files{"hub/internal/web/server.go": imports("github.com/labstack/echo/v4")}, ""},
		},
		"OpenID Connect and JOSE only in sso and tests": {
			{"web", files{"hub/internal/web/oidc.go": imports("golang.org/x/oauth2")}, "oidc.go:2"},
			{"auth", files{"hub/internal/auth/jwt.go": imports("github.com/go-jose/go-jose/v4")}, "jwt.go:2"},
			{"sso", files{"hub/internal/sso/sso.go": imports("github.com/coreos/go-oidc/v3/oidc")}, ""},
			{"a test", files{"hub/internal/web/x_test.go": imports("github.com/coreos/go-oidc/v3/oidc/oidctest")}, ""},
		},
		"nats-server only in natsserver and tests": {
			{"agent", files{"agent/agent.go": imports("github.com/nats-io/nats-server/v2/server")}, "agent.go:2"},
			{"natsserver", files{"hub/internal/natsserver/natsserver.go": imports("github.com/nats-io/nats-server/v2/server")},
				""},
			{"a test", files{"agent/agent_test.go": imports("github.com/nats-io/nats-server/v2/server")}, ""},
		},
		"os/exec only in subprocess, source, discover and transcode": {
			{"hub", files{"hub/hub.go": imports("os/exec")}, "hub.go:2"},
			{"source", files{"agent/internal/source/exec.go": imports("os/exec")}, ""},
			{"subprocess", files{"internal/subprocess/subprocess.go": imports("os/exec")}, ""},
			{"a test", files{"internal/codec/h264/annexb_test.go": imports("os/exec")}, ""},
		},
		"kong only in commands and config": {
			{"agent", files{"agent/agent.go": imports("github.com/alecthomas/kong")}, "agent.go:2"},
			{"command", files{"agent/cmd/bramble-agent/main.go": imports("github.com/alecthomas/kong")}, ""},
		},
		"yaml only in config and tests": {
			{"hub", files{"hub/hub.go": imports("go.yaml.in/yaml/v3")}, "hub.go:2"},
			{"the old home", files{"hub/hub.go": imports("gopkg.in/yaml.v3")}, "hub.go:2"},
			{"config", files{"internal/config/config.go": imports("go.yaml.in/yaml/v3")}, ""},
		},
		"testutil and sourcetest only in tests": {
			{"hub", files{"hub/hub.go": imports("~/internal/testutil")}, "hub.go:2"},
			{"hub's test", files{"hub/hub_test.go": imports("~/internal/testutil")}, ""},
		},
		"only hub and the web server import the web server": {
			{"an output", files{"hub/internal/output/jpeg/jpeg.go": imports("~/hub/internal/web")}, "jpeg.go:2"},
			{"viewers", files{"hub/internal/viewers/viewers.go": imports("~/hub/internal/webauth")}, "viewers.go:2"},
			{"hub", files{"hub/hub.go": imports("~/hub/internal/web")}, ""},
			{"its parts", files{"hub/internal/apiv1/apiv1.go": imports("~/hub/internal/webauth")}, ""},
		},
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
		"shared is the wire contract only": {
			{"another package", files{"shared/config/config.go": code()}, "shared/config is not a part"},
			{"a test of one", files{"shared/config/config_test.go": code()}, "shared/config is not a part"},
			{"above", files{"shared/shared.go": code()}, "shared is not a part"},
			{"a library", files{"shared/frame/frame.go": imports("github.com/nats-io/nats.go")}, "imports github.com/nats-io"},
			{"internal", files{"shared/frame/frame.go": imports("~/internal/config")}, "internal/config"},
			{"the contract", files{"shared/status/status.go": imports("~/shared/frame")}, ""},
			{"a library in a test", files{"shared/frame/frame_test.go": imports("github.com/nats-io/nats.go")}, ""},
		},
		"stream, fanout, fmp4 and mpjpeg stay pure": {
			{"NATS", files{"hub/internal/stream/ring.go": imports("github.com/nats-io/nats.go")}, "ring.go:2"},
			{"a sibling", files{"hub/internal/fmp4/fmp4.go": imports("~/hub/internal/stream")}, "fmp4.go:2"},
			{"std", files{"hub/internal/mpjpeg/mpjpeg.go": imports("net/textproto")}, ""},
			{"shared", files{"hub/internal/stream/ring.go": imports("~/shared/frame")}, ""},
			{"codecs", files{"hub/internal/fmp4/fmp4.go": imports("github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4")}, ""},
			{"a test", files{"hub/internal/stream/ring_test.go": imports("go.uber.org/goleak")}, ""},
		},
	}
}

func goFixtures() map[string][]fixture {
	return map[string][]fixture{
		"one package comment": {
			{"none", files{"a/p.go": code()}, "a: no package comment"},
			{"two", files{"a/p.go": "// Package p x.\n" + code(), "a/doc.go": "// Package p y.\n" + code()},
				"a second package comment"},
			{"odd file", files{"a/q.go": "// Package p x.\n" + code()}, "neither in doc.go"},
			{"other name", files{"a/p.go": "// Package q x.\n" + code()}, "does not begin with"},
			{"good", files{"a/p.go": "// Package p x.\n" + code(), "a/q.go": code()}, ""},
			{"command", files{"a/main.go": "// Command a does x.\npackage main\n"}, ""},
		},
		"exported names are documented": {
			{"function", files{"p.go": code("func F() {}")}, "p.go:2: F has no doc comment"},
			{"method", files{"p.go": code("// T is.", "type T struct{}", "func (*T) M() {}")}, "M has no"},
			{"type", files{"p.go": code("type T struct{}")}, "T has no"},
			{"constant", files{"p.go": code("const (", "A = 1 // A is.", "B = 2", ")")}, "B has no"},
			{"group", files{"p.go": code("// The modes.", "const (", "A = 1", "B = 2", ")")}, ""},
			{"hidden method", files{"p.go": code("type t struct{}", "func (t) M() {}")}, ""},
			{"known contract", files{"p.go": code("// E is.", "type E struct{}", "func (E) Error() string { return \"\" }")},
				""},
			{"command", files{"main.go": "package main\nfunc F() {}\n"}, ""},
		},
		"packages are named after what they hold": {
			{"package", files{"a/util.go": "package util\n"}, "says nothing"},
			{"directory", files{"helpers/p.go": code()}, "says nothing"},
			{"good", files{"shared/frame/frame.go": "package frame\n"}, ""},
		},
		"files have at most 400 lines": {
			{"Go", files{"p.go": code(strings.Repeat("\n", 400))}, "p.go: 402 lines"},
			{"script", files{"webui/app.mjs": strings.Repeat("\n", 401)}, "app.mjs: 401 lines"},
			{"style sheet", files{"webui/style.css": strings.Repeat("\n", 500)}, ""},
			{"packages", files{"e2e/browser/node_modules/x/x.js": strings.Repeat("\n", 500)}, ""},
			{"just fits", files{"p.go": strings.Repeat("\n", 399) + "package p\n"}, ""},
		},
		"functions have at most 60 lines": {
			{"function", files{"p.go": code("func f() {", strings.Repeat("\n", 58), "}")}, "f has 61 lines"},
			{"literal", files{"p.go": code("var f = func() {", strings.Repeat("\n", 58), "}")}, "literal has 61 lines"},
			{"just fits", files{"p.go": code("// f is.", "func f() {", strings.Repeat("\n", 57), "}")}, ""},
			{"a test", files{"p_test.go": code("func f() {", strings.Repeat("\n", 99), "}")}, ""},
		},
		"packages have at most 20 files and 2500 lines": {
			{"files", manyFiles("p%d.go", 21, code()), "a: 21 files, 42 lines"},
			{"lines", manyFiles("p%d.go", 20, code(strings.Repeat("\n", 124))), "a: 20 files, 2520 lines"},
			{"just fits", manyFiles("p%d.go", 20, code(strings.Repeat("\n", 122))), ""},
			{"tests", manyFiles("p%d_test.go", 21, code()), ""},
		},
		"a skipped test says why": {
			{"SkipNow", files{"p_test.go": code("func f(t T) { t.SkipNow() }")}, "t.SkipNow gives no reason"},
			{"nothing", files{"p_test.go": code("func f(b T) { b.Skip() }")}, "b.Skip gives no reason"},
			{"empty", files{"p_test.go": code("func f(tb T) { tb.Skipf(\" \", 1) }")}, "tb.Skipf gives no reason"},
			{"in testutil", files{"internal/testutil/k.go": code("func f(t T) { t.SkipNow() }")}, "SkipNow"},
			{"a reason", files{"p_test.go": code("func f(t T) { t.Skip(\"no ffmpeg: apt-get install ffmpeg\") }")}, ""},
			{"no test's skip", files{"p.go": code("func f(t T) { t.SkipNow() }")}, ""},
		},
		"no time.Sleep in tests": {
			{"sleep", files{"p_test.go": code("import \"time\"", "func f() { time.Sleep(1) }")}, "p_test.go:3: time.Sleep"},
			{"another name", files{"p_test.go": code("import clock \"time\"", "func f() { clock.Sleep(1) }")}, "time.Sleep"},
			{"not in a test", files{"p.go": code("import \"time\"", "func f() { time.Sleep(1) }")}, ""},
			{"own clock", files{"p_test.go": code("func f() { time.Sleep(1) }")}, ""},
		},
	}
}
