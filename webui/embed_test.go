package webui_test

import (
	"encoding/json"
	"html"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/webui"
)

// maxPage bounds the size of the whole page, uncompressed, so that it loads quickly over a phone's connection.
const maxPage = 150_000

// files returns the embedded files by name.
func files(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(webui.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := webui.FS.ReadFile(name)
		all[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryReferenceExists(t *testing.T) {
	all := files(t)
	used := map[string]bool{"index.html": true, "login.html": true, "assets/bramble-camera.js": true}
	check := func(from, name string) {
		used[name] = true
		if _, ok := all[name]; !ok {
			t.Errorf("%s refers to %s, which is not embedded", from, name)
		}
	}
	all["login.html"] = string(webui.NewLoginPage().Render(webui.LoginForm{Password: true})) // is a template
	for _, page := range []string{"index.html", "login.html"} {
		for _, ref := range regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(all[page], -1) {
			check(page, ref[1])
		}
	}
	imported := regexp.MustCompile(`(?:from|import\()\s*'([^']+\.js)'|new Worker\(new URL\('([^']+\.js)', assets\)`)
	for name, text := range all {
		if path.Ext(name) != ".js" {
			continue
		}
		for _, ref := range imported.FindAllStringSubmatch(text, -1) {
			if ref[2] != "" {
				check(name, path.Join("assets", ref[2]))
				continue
			}
			check(name, path.Join(path.Dir(name), ref[1]))
		}
	}
	for name := range all {
		if !used[name] {
			t.Errorf("%s is embedded, and nothing refers to it", name)
		}
	}
}

func TestPageIsSmall(t *testing.T) {
	all := files(t)
	total := len(webui.Index("", nil)) + len(webui.Script()) + len(webui.Style()) +
		len(all["assets/player/jpeg-decoder-worker.js"]) + len(all["assets/icon.svg"])
	if total > maxPage {
		t.Errorf("the page weighs %d bytes, at most %d are allowed", total, maxPage)
	}
}

// TestNothingFromOutside keeps the page working on a network without internet.
func TestNothingFromOutside(t *testing.T) {
	const svg = "http://www.w3.org/2000/svg" // a name, which no browser fetches
	outside := regexp.MustCompile(`(?i)(?:https?:|[("'=\s])//[a-z0-9[][^\s"')]*`)
	for name, text := range files(t) {
		for _, line := range strings.Split(strings.ReplaceAll(text, svg, ""), "\n") {
			if path.Ext(name) == ".js" && strings.HasPrefix(strings.TrimSpace(line), "//") {
				continue
			}
			if found := outside.FindString(line); found != "" {
				t.Errorf("%s refers to another host: %s", name, found)
			}
		}
	}
}

// TestPageObeysStrictCSP looks for what `default-src 'self'` would block.
func TestPageObeysStrictCSP(t *testing.T) {
	banned := map[string]*regexp.Regexp{
		"an inline script":      regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>\s*[^<\s]`),
		"a script without src":  regexp.MustCompile(`(?i)<script(?:\s+type="[^"]*")?\s*>`),
		"an inline style sheet": regexp.MustCompile(`(?i)<style`),
		"a style attribute":     regexp.MustCompile(`(?i)<[^>]*\sstyle=`),
		"an event attribute":    regexp.MustCompile(`(?i)<[^>]*\son[a-z]+=`),
		"a javascript: address": regexp.MustCompile(`(?i)javascript:`),
		"markup from a string":  regexp.MustCompile(`\.(?:innerHTML|outerHTML|insertAdjacentHTML)\b|document\.write`),
		"code from a string":    regexp.MustCompile(`\beval\(|new Function\(`),
	}
	for name, text := range files(t) {
		for what, pattern := range banned {
			if found := pattern.FindString(text); found != "" {
				t.Errorf("%s has %s: %s", name, what, found)
			}
		}
	}
}

// TestAddressesAreRelative keeps the page working below a path, as behind a reverse proxy.
func TestAddressesAreRelative(t *testing.T) {
	absolute := regexp.MustCompile(`(?:src|href)="/|(?:hubURL|fetch)\(['"` + "`" + `]/|<base\b`)
	for name, text := range files(t) {
		if found := absolute.FindString(text); found != "" {
			t.Errorf("%s has an absolute address: %s", name, found)
		}
	}
}

func TestIndex(t *testing.T) {
	for toRoot, text := range map[string]string{"": webui.Index("", nil), "../": webui.Index("../", nil)} {
		for _, want := range []string{`src="` + toRoot + webui.ScriptName + `"`, `href="` + toRoot + webui.StyleName + `"`} {
			if strings.Count(text, want) != 1 {
				t.Errorf("Index(%q) has %s not once:\n%s", toRoot, want, text)
			}
		}
		if strings.Contains(text, "app.js") || strings.Contains(text, "tile.css") {
			t.Errorf("Index(%q) also has the files that are bundled", toRoot)
		}
	}
	if below := webui.Index("../", nil); strings.Contains(below, `="assets/`) {
		t.Errorf(`Index("../") does not find its assets one folder up:%s%s`, "\n", below)
	}
}

// TestIndexOutputs reads the list of outputs as a browser does.
func TestIndexOutputs(t *testing.T) {
	want := []webui.Output{
		{Extension: "mjpeg", Label: `MJPEG: for <img>, "quotes" & more`, Element: "img"},
		{Extension: "ts", Label: "MPEG-TS"},
	}
	found := regexp.MustCompile(`<meta name="outputs" content="([^"]*)">`).FindAllStringSubmatch(webui.Index("../", want),
		-1)
	if len(found) != 1 {
		t.Fatalf("the page has %d lists of outputs, not one", len(found))
	}
	var got []webui.Output
	if err := json.Unmarshal([]byte(html.UnescapeString(found[0][1])), &got); err != nil || !slices.Equal(got, want) {
		t.Errorf("the page lists %+v (%v), want %+v", got, err, want)
	}
}

// TestFolders holds the order of the folders that the package's comment describes.
func TestFolders(t *testing.T) {
	allowed := map[string][]string{
		"hub": {"hub"}, "player": {"hub", "player"}, "ui": {"hub", "ui"}, "views": {"hub", "player", "ui", "views"},
	}
	imported := regexp.MustCompile(`(?:from |import\()'([^']+\.js)'`) // of types, too
	for name, text := range files(t) {
		folder := path.Base(path.Dir(name))
		if path.Ext(name) != ".js" || folder == "assets" {
			continue
		}
		for _, ref := range imported.FindAllStringSubmatch(text, -1) {
			if target := path.Join(path.Dir(name), ref[1]); !slices.Contains(allowed[folder], path.Base(path.Dir(target))) {
				t.Errorf("%s imports %s: a module of %s may not", name, target, folder)
			}
		}
	}
}
