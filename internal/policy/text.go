package policy

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// settingsPage lists the flags of both programs.
const settingsPage = "docs/ref/config.md"

// flagsOutsideOfCommands finds flags of our own programs in texts of internal packages. A whole command may stand
// there.
func flagsOutsideOfCommands(tr *Tree) (found []Finding) {
	own := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^- `([a-z0-9-]+)`").FindAllStringSubmatch(tr.text[settingsPage], -1) {
		own["--"+m[1]] = true
	}
	name := regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	for _, f := range tr.code() {
		if !strings.Contains("/"+f.dir(), "/internal/") || f.inE2E() || within(f.dir(), "agent/internal/source/rpicam") {
			continue // rpicam-vid has flags of the same names
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			for _, at := range name.FindAllStringIndex(lit.Value, -1) {
				if flag := lit.Value[at[0]:at[1]]; own[flag] && !strings.Contains(lit.Value[:at[0]], "bramble-") {
					found = append(found, Finding{tr.pos(lit), "names the flag " + flag})
				}
			}
			return true
		})
	}
	return found
}

func textRules() []Rule {
	// The separate slash keeps this file from flagging itself.
	machinePath := regexp.MustCompile(`(?:^|[^\w.~/}-])` + `/(?:work|home|root|tmp)/`)
	return []Rule{
		{
			"no path of one machine",
			"use t.TempDir, os.MkdirTemp or mktemp; a path beside the repository; a name looked up on PATH; ~ in a guide",
			func(tr *Tree) []Finding { return tr.grep(machinePath, isAnything) },
		},
		{
			"no package registry",
			"registries are a setting of the machine: npm config set omit-lockfile-registry-resolved true, then npm install",
			func(tr *Tree) []Finding { return tr.grep(regexp.MustCompile(registry), isAnything) },
		},
		{
			"only commands name flags",
			"name the setting: setting.Errorf with {max-fps}, or a field of a typed error; the command shows it as its flag",
			flagsOutsideOfCommands,
		},
		{
			"texts name roles",
			"say client, viewer, agent, operator or consumer, \"no client\", \"again\"",
			func(tr *Tree) []Finding { return tr.grep(regexp.MustCompile(unnamed), isAnything) },
		},
		{
			"shared starts no goroutine", "shared holds values and pure functions: let agent or hub start the goroutine",
			func(tr *Tree) []Finding { return tr.grep(regexp.MustCompile(goroutine), isShared) },
		},
		{
			"no conflict markers", "resolve the conflict: keep what both sides mean, and remove the markers",
			func(tr *Tree) []Finding { return tr.grep(regexp.MustCompile(conflict), isAnything) },
		},
		{
			"no fixed port in tests",
			"listen on port 0 (HTTP) or -1 (NATS) and ask which it became; a mere text in a table names example.com",
			func(tr *Tree) []Finding { return tr.grep(regexp.MustCompile(fixedPort), isTestText) },
		},
	}
}

const (
	// unnamed matches words that leave open which role a sentence is about, and some that read as translated. The user
	// that systems call so follows a preposition or a slash.
	unnamed = `(?i)\b(?:who` + `ever|like` + `wise|some` + `body|wh` + `om|an` + `ew)\b|` +
		`(?:^|[^/:=@"'\x60] )\bno` + `body\b(?:[^:"'\x60]|$)`
	// goroutine matches a go statement, and a call of a sync.WaitGroup's or errgroup.Group's Go.
	goroutine = `^\s*go [\w.]+\(|^\s*go func\b|\.Go\(`
	// conflict matches what git leaves in a file that two sides have changed.
	conflict = `^(?:<{7}|>{7}|\|{7}) `
	// registry matches a lock file's download addresses and settings that point a client somewhere.
	registry = `"resolved":\s*"https?:|registry\s*=\s*"?https?:|GOPROXY` + `=`
	// fixedPort matches a loopback or any-address with a port; port 1 is allowed, because nothing ever listens there.
	fixedPort = `(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):(?:[2-9]|1\d)\d*\b|["']:(?:[2-9]|1\d)\d*["']`
)

// grep lists every line that matches.
func (tr *Tree) grep(re *regexp.Regexp, in func(name string) bool) (found []Finding) {
	for _, name := range tr.texts() {
		if !in(name) {
			continue
		}
		for i, line := range strings.Split(tr.text[name], "\n") {
			if m := re.FindString(line); m != "" {
				found = append(found, Finding{name + ":" + strconv.Itoa(i+1), "has " + strconv.Quote(strings.TrimSpace(m))})
			}
		}
	}
	return found
}

func isAnything(string) bool { return true }

func isShared(name string) bool {
	return within(name, "shared") && !strings.HasSuffix(name, "_test.go")
}

// isTestText is true for Go tests, for all of e2e and for the page's tests.
func isTestText(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, "_test.go") || within(path.Dir(name), "e2e") ||
		strings.Contains(base, ".test.") || strings.Contains(base, ".spec.")
}
