package policy

import (
	"slices"
	"strconv"
	"strings"
)

// fence keeps an import inside the directories that own it.
type fence struct {
	name   string
	paths  []string             // import paths, each with everything below it
	inside func(f *goFile) bool // where they are welcome
	remedy string
}

// moduleFences keep the parts of this module apart; "~/" stands for it.
func moduleFences() []fence {
	return []fence{
		{
			"only agent, commands and e2e import agent", []string{"~/agent"},
			func(f *goFile) bool { return within(f.dir(), "agent") || f.inCmd() || f.inE2E() },
			"agent and hub meet on the wire: put what both must agree on into shared, and wire them together in a cmd or in e2e",
		},
		{
			"only hub, commands and e2e import hub", []string{"~/hub"},
			func(f *goFile) bool { return within(f.dir(), "hub") || f.inCmd() || f.inE2E() },
			"agent and hub meet on the wire: put what both must agree on into shared, and wire them together in a cmd or in e2e",
		},
		{
			"only hub and the web server import the web server",
			[]string{"~/hub/internal/web", "~/hub/internal/web", "~/hub/internal/webauth", "~/hub/internal/apiv1",
				"~/hub/internal/compat"}, func(f *goFile) bool {
				return f.dir() == "hub" || f.isTest() || slices.Contains([]string{
					"hub/internal/web", "hub/internal/webauth", "hub/internal/apiv1", "hub/internal/compat",
				}, f.dir())
			},
			"outputs, viewers, cameras and authentication know no web server: hand them a value, or take an interface",
		},
	}
}

// libraryFences keep a library where it is used well.
func libraryFences() []fence {
	return []fence{
		{
			"echo only in web, webauth, apiv1 and compat", []string{"github.com/labstack/echo"},
			func(f *goFile) bool {
				return slices.Contains([]string{
					"hub/internal/web", "hub/internal/webauth", "hub/internal/apiv1", "hub/internal/compat",
				}, f.dir())
			},
			"keep echo where requests are routed; hand other packages an http.ResponseWriter, an io.Writer or a value",
		},
		{
			"nats-server only in natsserver and tests", []string{"github.com/nats-io/nats-server"},
			func(f *goFile) bool {
				return within(f.dir(), "hub/internal/natsserver") || within(f.dir(), "hub/internal/natsauth") ||
					within(f.dir(), "internal/testutil") || f.inE2E() || f.isTest()
			},
			"start the embedded server through hub/internal/natsserver, and through internal/testutil in tests",
		},
		{
			"os/exec only in subprocess, source, discover and transcode", []string{"os/exec"},
			func(f *goFile) bool {
				return within(f.dir(), "internal/subprocess") || within(f.dir(), "agent/internal/source") ||
					within(f.dir(), "agent/internal/discover") || within(f.dir(), "hub/internal/transcode") || f.inE2E() || f.isTest()
			},
			"run child processes through internal/subprocess, which knows how to end them; source, discover and transcode look programs up",
		},
		{
			"OpenID Connect and JOSE only in sso and tests",
			[]string{"github.com/coreos/go-oidc", "github.com/go-jose/go-jose", "golang.org/x/oauth2"},
			func(f *goFile) bool { return within(f.dir(), "hub/internal/sso") || f.inE2E() || f.isTest() },
			"ask identity providers through hub/internal/sso, which bounds what they may answer and checks what they sign",
		},
		{
			"kong only in commands and config", []string{"github.com/alecthomas/kong"},
			func(f *goFile) bool { return f.inCmd() || within(f.dir(), "internal/config") },
			"give the package a Config struct and fill it from flags in the command",
		},
		{
			"yaml only in config and tests",
			[]string{"go.yaml.in/yaml", "gopkg.in/yaml.v2", "gopkg.in/yaml.v3", "sigs.k8s.io/yaml", "github.com/goccy/go-yaml"},
			func(f *goFile) bool { return within(f.dir(), "internal/config") || f.isTest() },
			"load files through internal/config, which is strict about unknown keys",
		},
		{
			"testutil and sourcetest only in tests", []string{"~/internal/testutil", "~/agent/internal/source/sourcetest"},
			func(f *goFile) bool { return f.isTest() || within(f.dir(), "agent/internal/source/sourcetest") },
			"they start servers and fail tests: import them from _test.go files only",
		},
	}
}

func importRules() []Rule {
	var rules []Rule
	for _, fe := range slices.Concat(moduleFences(), libraryFences()) {
		rules = append(rules, Rule{Name: fe.name, Remedy: fe.remedy, Check: fe.check})
	}
	return append(rules, Rule{
		Name:   "stream, fanout, fmp4 and mpjpeg stay pure",
		Remedy: "these packages know frames and bytes only: take an interface, or move the code to ingest, cameras or web",
		Check:  impureImports,
	}, Rule{
		Name: "each output and each source is a package of its own",
		Remedy: "an output is registered in hub/internal/outputs, a source in agent/internal/source's users; what two of them " +
			"need goes into the package above them or into one of its helpers",
		Check: crossImports,
	}, Rule{
		Name: "shared is the wire contract only",
		Remedy: "programs of others import shared: code that agent and hub merely both use belongs in internal; " +
			"a new part of the contract is added to this rule",
		Check: sharedPackages,
	})
}

// family is a folder of packages that do the same in different ways.
type family struct {
	parent  string
	helpers []string // packages below it that all of them may import
	users   []string // folders outside of it that choose among them
}

func families() []family {
	return []family{
		{"hub/internal/output", []string{"outputtest"}, []string{"hub/internal/outputs", "hub/internal/output/ws",
			"hub/internal/web"}},
		{"agent/internal/source", []string{"splitter", "sourcetest"}, []string{"agent", "agent/internal/discover"}},
	}
}

// crossImports flags imports of a package of a family by another one of it, and by packages that are not to choose.
func crossImports(tr *Tree) (found []Finding) {
	for _, fam := range families() {
		prefix := modulePath + "/" + fam.parent + "/"
		for _, f := range tr.code() {
			for _, spec := range f.ast.Imports {
				imp, _ := strconv.Unquote(spec.Path.Value)
				below, ok := strings.CutPrefix(imp, prefix)
				kind, _, _ := strings.Cut(below, "/")
				if ok && !slices.Contains(fam.helpers, kind) && !slices.Contains(fam.users, f.dir()) &&
					!within(f.dir(), fam.parent+"/"+kind) {
					found = append(found, Finding{tr.pos(spec), "imports " + imp})
				}
			}
		}
	}
	return found
}

// sharedPackages flags packages of shared beside those of the wire contract, and imports that programs of others would
// get with them.
func sharedPackages(tr *Tree) (found []Finding) {
	for _, f := range tr.gofs {
		if !within(f.dir(), "shared") {
			continue
		}
		if !slices.Contains([]string{"shared/frame", "shared/subject", "shared/status", "shared/drop"}, f.dir()) {
			found = append(found, Finding{f.path, f.dir() + " is not a part of the wire contract"})
		}
		for _, spec := range f.ast.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			if !f.isTest() && !isStandard(imp) && !importIn(imp, []string{"~/shared", "~/internal/printable"}) {
				found = append(found, Finding{tr.pos(spec), "imports " + imp})
			}
		}
	}
	return found
}

// isStandard is true for an import path of the standard library.
func isStandard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

func (fe fence) check(tr *Tree) (found []Finding) {
	for _, f := range tr.gofs {
		if fe.inside(f) {
			continue
		}
		for _, spec := range f.ast.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			if importIn(imp, fe.paths) {
				found = append(found, Finding{tr.pos(spec), "imports " + imp})
			}
		}
	}
	return found
}

// impureImports flags what the hub's engine must not know: anything but the standard library, the wire contract, codecs
// and what is below it.
func impureImports(tr *Tree) (found []Finding) {
	pure := map[string][]string{
		"internal/media":      nil,
		"hub/internal/wakeup": nil,
		"hub/internal/stream": {"~/hub/internal/wakeup"},
		"hub/internal/fanout": {"~/hub/internal/wakeup", "~/hub/internal/stream"},
		"hub/internal/fmp4":   {"~/internal/codec"},
		"hub/internal/mpjpeg": nil,
	}
	for _, f := range tr.code() {
		below, ok := pure[f.dir()]
		if !ok {
			continue
		}
		below = append([]string{"~/shared", "~/internal/media", "~/internal/ratemeter", "github.com/bluenviron/mediacommon"},
			below...)
		for _, spec := range f.ast.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			if !isStandard(imp) && !importIn(imp, below) {
				found = append(found, Finding{tr.pos(spec), "imports " + imp})
			}
		}
	}
	return found
}

func importIn(imp string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return within(imp, strings.Replace(root, "~", modulePath, 1))
	})
}
