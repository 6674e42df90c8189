package webui

import (
	"embed"
	"encoding/json"
	"html"
	"io/fs"
	"regexp"
	"strings"
)

// FS holds index.html, login.html and the folder assets. The hub serves the files of assets below /assets/, index.html
// through [Index] and login.html through [LoginPage]. The names carry no version. Browsers must revalidate them:
// Cache-Control: no-cache with an ETag.
//
//go:embed index.html login.html assets
var FS embed.FS

//go:embed index.html
var index string

// The entry modules of the page and of the element.
const (
	pageModule    = "app.js"
	elementModule = "bramble-camera.js"
)

// elementAssets replaces assetsDeclaration in the element's bundle, which lies in the hub's root.
const elementAssets = `const assets = new URL('assets/', import.meta.url);`

// The bundles of the page, which exist only in memory. With them a browser loads the page over three connections.
const (
	ScriptName = "assets/page.js"
	StyleName  = "assets/page.css"
)

// Parts of index.html that Index replaces.
const (
	scriptTag  = `src="assets/` + pageModule + `"`
	outputsTag = `<meta name="outputs" content="[]">`
)

var styleLinks = regexp.MustCompile(`(?s)<link rel="stylesheet" href="assets/([a-z-]+\.css)">\s*`)

// Output is a format in which the hub serves cameras, as the page lists its addresses.
type Output struct {
	Extension string `json:"extension"`         // "mjpeg": the address of a camera is cam/<id>.mjpeg
	Label     string `json:"label"`             // what the format is for
	Element   string `json:"element,omitempty"` // "img" or "video": the HTML element that shows it without a script
}

// Index returns index.html for an address below the hub's root. toRoot leads from that address to the root: "" for /
// and "../" for /cam/<id>. So the page needs no absolute paths, and works below any path of a reverse proxy. The page
// lists the addresses of a camera by outputs.
func Index(toRoot string, outputs []Output) string {
	text := strings.Replace(index, scriptTag, `src="`+ScriptName+`"`, 1)
	text = styleLinks.ReplaceAllString(text, "")
	text = strings.Replace(text, "<script ", `<link rel="stylesheet" href="`+StyleName+"\">\n  <script ", 1)
	list := string(must(json.Marshal(outputs)))
	text = strings.ReplaceAll(text, `="assets/`, `="`+toRoot+`assets/`)
	return strings.Replace(text, outputsTag, `<meta name="outputs" content="`+html.EscapeString(list)+`">`, 1)
}

// Script returns the page's modules in one file, without comments.
func Script() []byte {
	return stripComments(must(bundle(modules(), pageModule, pageAssets)))
}

// Style returns the style sheets in one file, in the order of index.html.
func Style() []byte {
	var all []byte
	for _, m := range styleLinks.FindAllStringSubmatch(index, -1) {
		all = append(all, must(FS.ReadFile("assets/"+m[1]))...)
	}
	return all
}

// Element returns the custom element <bramble-camera> in one file, for other people's pages. The file lies in the hub's
// root, beside the folder assets.
func Element() []byte { return must(bundle(modules(), elementModule, elementAssets)) }

// modules returns the folder assets.
func modules() fs.FS { return must(fs.Sub(FS, "assets")) }

// must returns value. An error cannot happen: a test bundles all files that are embedded in the program, and strings
// always encode.
func must[T any](value T, err error) T {
	if err != nil {
		panic("webui: " + err.Error())
	}
	return value
}
