package web

import (
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/webui"
)

// TestFiles requests every file of the page twice. The second answer is 304.
func TestFiles(t *testing.T) {
	r := newFixture(t, stream.Config{})
	paths := []string{"/", "/cam/desk", "/api/v1/openapi.yaml", "/bramble-camera.js", "/" + webui.ScriptName,
		"/" + webui.StyleName}
	err := fs.WalkDir(webui.FS, "assets", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, "/"+name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		resp, body := r.do(http.MethodGet, path)
		tag := resp.Header.Get("ETag")
		if resp.StatusCode != 200 || len(body) == 0 || len(tag) < 10 || !strings.HasPrefix(tag, `"`) ||
			!strings.HasSuffix(tag, `"`) {
			t.Errorf("%s: %s, %d bytes, ETag %s", path, resp.Status, len(body), tag)
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		if strings.HasPrefix(path, "/assets/") {
			if want, err := fs.ReadFile(webui.FS, path[1:]); err == nil && string(want) != string(body) {
				t.Errorf("%s is not the file", path)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			resp, body = r.do(method, path, "If-None-Match", tag)
			if resp.StatusCode != http.StatusNotModified || len(body) > 0 || resp.Header.Get("ETag") != tag {
				t.Errorf("%s %s again: %s, %d bytes, ETag %s", method, path, resp.Status, len(body), resp.Header.Get("ETag"))
			}
		}
		if resp, body = r.do(http.MethodGet, path, "If-None-Match", `"0123456789abcdef"`); resp.StatusCode != 200 ||
			len(body) == 0 {
			t.Errorf("%s with another version's tag: %s", path, resp.Status)
		}
	}
}

// TestPageLinks: the page finds its files, also below a proxy's path prefix.
func TestPageLinks(t *testing.T) {
	r := newFixture(t, stream.Config{})
	for path, prefix := range map[string]string{"/": `"assets/`, "/cam/desk": `"../assets/`} {
		_, body := r.do(http.MethodGet, path)
		page := string(body)
		if !strings.Contains(page, prefix) || strings.Contains(page, `"/assets/`) {
			t.Errorf("%s does not refer to %s", path, prefix)
		}
		// The policy forbids both.
		if strings.Contains(page, "<script>") || strings.Contains(page, " style=") {
			t.Errorf("%s has a script or style of its own", path)
		}
	}
}
