package webui

import (
	"embed"
	"regexp"
	"strings"
)

// FS holds index.html, login.html and the folder assets. Serve the files of assets below /assets/, index.html through [Index] and login.html through [Login].
// The names carry no version, so browsers must revalidate them: Cache-Control: no-cache with an ETag.
//
//go:embed index.html login.html assets
var FS embed.FS

//go:embed index.html
var index string

// The modules that the page and the element begin with.
const (
	pageModule    = "app.js"
	elementModule = "bramble-camera.js"
)

// elementAt is where the element, which lies in the hub's root, finds the assets.
const elementAt = `const assets = new URL('assets/', import.meta.url);`

// Files that the hub assembles from those of the folder assets: a browser gets the page over three connections, and waits for no chain of modules.
const (
	ScriptName = "assets/page.js"
	StyleName  = "assets/page.css"
)

var (
	styleLinks = regexp.MustCompile(`(?s)<link rel="stylesheet" href="assets/([a-z]+\.css)">\s*`)
	scriptTag  = `src="assets/` + pageModule + `"`
)

// Index returns index.html for an address that lies below the hub's root. The argument leads from that address to the root:
// "" for / and "../" for /cam/<id>. So the page needs neither absolute paths nor to know below which path a proxy serves it.
func Index(toRoot string) string {
	text := strings.Replace(index, scriptTag, `src="`+ScriptName+`"`, 1)
	text = styleLinks.ReplaceAllString(text, "")
	text = strings.Replace(text, "<script ", `<link rel="stylesheet" href="`+StyleName+"\">\n  <script ", 1)
	return strings.ReplaceAll(text, `="assets/`, `="`+toRoot+`assets/`)
}

// Script returns the page's modules in one file, without comments.
func Script() []byte {
	return terse(must(assemble(pageModule, strings.TrimPrefix(assetsAt, "export "))))
}

// Style returns the style sheets in one file, in the order of index.html.
func Style() []byte {
	var all []byte
	for _, m := range styleLinks.FindAllStringSubmatch(index, -1) {
		all = append(all, must(FS.ReadFile("assets/"+m[1]))...)
	}
	return all
}

// Element returns the custom element <bramble-camera> in one file, for other people's pages. The file lies in the hub's root, beside the folder assets.
func Element() []byte { return must(assemble(elementModule, elementAt)) }

// must returns what is embedded in the program: a test assembles it all.
func must(data []byte, err error) []byte {
	if err != nil {
		panic("webui: " + err.Error())
	}
	return data
}
