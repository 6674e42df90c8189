package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/apiv1"
	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/webui"
)

// site answers with the page and its files. It is assembled once.
type site struct {
	script, style, element []byte
	login                  *webui.LoginPage
	outputs                []webui.Output // whose addresses the page lists
	openAPI                []byte
}

func newSite(outputs *output.Registry) *site {
	s := &site{
		script: webui.Script(), style: webui.Style(), element: webui.Element(), login: webui.NewLoginPage(),
		openAPI: apiv1.OpenAPI(outputs),
	}
	for _, o := range outputs.Specs() {
		s.outputs = append(s.outputs, webui.Output{Extension: o.Name, Label: o.Label, Element: o.Element})
	}
	return s
}

// page answers with the page: the grid at /, one camera at /cam/<id>. The page itself finds out which.
func (s *site) page(c echo.Context) error {
	toRoot := ""
	if strings.HasPrefix(c.Path(), "/cam/") {
		toRoot = "../"
		if c.QueryParams().Has("embed") { // the picture alone: nothing on it can be clicked by mistake
			c.Response().Header().Set(echo.HeaderContentSecurityPolicy, embedPolicy)
			origin.Share(c.Response().Header())
		}
	}
	return send(c, "text/html; charset=utf-8", []byte(webui.Index(toRoot, s.outputs)))
}

// asset answers with a file of the page.
func (s *site) asset(c echo.Context) error {
	name := path.Clean("assets/" + c.Param("*"))
	contentType := map[string]string{
		".js":  "text/javascript; charset=utf-8",
		".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml",
	}[path.Ext(name)]
	data, err := s.file(name)
	if err != nil || contentType == "" || !strings.HasPrefix(name, "assets/") {
		return echo.ErrNotFound
	}
	c.Response().Header().Set(echo.HeaderAccessControlAllowOrigin, "*") // other pages may import the camera element
	return send(c, contentType, data)
}

// file returns a file of the page by its name in webui.
func (s *site) file(name string) ([]byte, error) {
	switch name {
	case webui.ScriptName:
		return s.script, nil
	case webui.StyleName:
		return s.style, nil
	}
	return fs.ReadFile(webui.FS, name)
}

// elementScript answers with the camera element, which pages of other origins import.
func (s *site) elementScript(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderAccessControlAllowOrigin, "*")
	return send(c, "text/javascript; charset=utf-8", s.element)
}

// openAPIDocument answers with the description of the HTTP interface.
func (s *site) openAPIDocument(c echo.Context) error { return send(c, "application/yaml", s.openAPI) }

// send answers with a file that changes only with the program. A browser revalidates it each time, and gets a 304 if it
// is unchanged. Range is ignored: files are small, and thousands of overlapping parts are many times the file.
func send(c echo.Context, contentType string, data []byte) error {
	sum := sha256.Sum256(data)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	h := c.Response().Header()
	h.Set("Accept-Ranges", "none")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", tag)
	if hasTag(c.Request().Header.Values("If-None-Match"), tag) {
		return c.NoContent(http.StatusNotModified)
	}
	h.Set(echo.HeaderContentLength, strconv.Itoa(len(data)))
	if c.Request().Method == http.MethodHead {
		h.Set(echo.HeaderContentType, contentType)
		return c.NoContent(http.StatusOK)
	}
	return c.Blob(http.StatusOK, contentType, data)
}

// hasTag reports whether an If-None-Match (RFC 9110, 13.1.2) names a tag, which is strong.
func hasTag(headers []string, tag string) bool {
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			if part = strings.TrimSpace(part); part == "*" || strings.TrimPrefix(part, "W/") == tag {
				return true
			}
		}
	}
	return false
}
