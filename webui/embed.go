package webui

import (
	"embed"
	"strings"
)

// FS holds index.html and the folder assets. Serve the files of assets below /assets/ through [Asset] and index.html through [Index].
// The names carry no version, so browsers must revalidate them: Cache-Control: no-cache with an ETag.
//
//go:embed index.html assets
var FS embed.FS

//go:embed index.html
var index string

// Index returns index.html for an address that lies below the hub's root. The argument leads from that address to the root:
// "" for / and "../" for /cam/<id>. So the page needs neither absolute paths nor to know below which path a proxy serves it.
func Index(toRoot string) string {
	return strings.ReplaceAll(index, `="assets/`, `="`+toRoot+`assets/`)
}
