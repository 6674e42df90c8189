package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
)

// fetched returns the headers of a browser's request: its site, mode and destination.
func fetched(site, mode, dest string, more ...string) []string {
	return append([]string{"Sec-Fetch-Site", site, "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", dest}, more...)
}

// TestForeignPage: while authentication is off, no page of another origin switches a camera on, by a picture, a video,
// a frame or a script. Files meant for other web pages are served.
func TestForeignPage(t *testing.T) {
	const port = "8080"
	h := newTestServer(t, stream.Config{})
	h.srv.cfg.AllowOrigins = []string{"https://friend.example"}
	h.camera("desk", frame.JPEG).picture()
	all := []string{
		"/cam/desk.jpeg", "/cam/desk?embed", "/cam/desk/?action=snapshot", "/?action=snapshot", "/api/v1/cameras",
	}
	pages := []string{"/", "/cam/desk"}
	for _, test := range []struct {
		name    string
		header  []string
		paths   []string
		refused bool
	}{
		{"picture", fetched("cross-site", "no-cors", "image"), all, true},
		{"picture of another port", fetched("same-site", "no-cors", "image", "Referer", "http://localhost:1/"), all, false},
		{"frame of another port", fetched("same-site", "navigate", "iframe", "Referer", "http://localhost:1/"), all, false},
		{"picture of a subdomain", fetched("same-site", "no-cors", "image", "Referer", "http://evil.localhost/"), all, true},
		{"picture of a page of the site that hides", fetched("same-site", "no-cors", "image"), all, true},
		{"script", fetched("cross-site", "cors", "empty", "Origin", "https://evil.example"), all, true},
		{"frame", fetched("cross-site", "navigate", "iframe", "Referer", "https://evil.example/"), append(all, pages...),
			true},
		{"object", fetched("cross-site", "navigate", "object"), append(all, pages...), true},
		{"loaded ahead", fetched("cross-site", "navigate", "document", "Sec-Purpose", "prefetch;prerender"),
			append(all, pages...), true},
		{"own", fetched("same-origin", "no-cors", "image"), append(all, pages...), false},
		{"typed", fetched("none", "navigate", "document"), append(all, pages...), false},
		{"link that is followed", fetched("cross-site", "navigate", "document"), append(all, pages...), false},
		{"picture of a friend", fetched("cross-site", "no-cors", "image", "Referer", "https://friend.example/"), all, false},
		{"frame of a friend", fetched("cross-site", "navigate", "iframe", "Referer", "https://friend.example/"), all, false},
		{"program", nil, append(all, pages...), false},
		{"old, another port", []string{"Referer", "http://localhost:1/"}, all, false},
		{"old, own", []string{"Referer", "http://localhost:" + port + "/cam/desk"}, all, false},
		{"old, picture", []string{"Referer", "https://evil.example/", "Accept", "image/avif,image/webp,*/*"}, all, true},
		{"old, script", []string{"Origin", "https://evil.example"}, all, true},
		{"old, sandboxed", []string{"Origin", "null"}, all, true},
		{"old, link or frame", []string{"Referer", "https://evil.example/", "Accept", "text/html,*/*;q=0.8"}, all, true},
		{"old, link to a page", []string{"Referer", "https://evil.example/", "Accept", "text/html,*/*;q=0.8"}, pages, false},
		{"files for pages", fetched("cross-site", "cors", "script", "Origin", "https://evil.example"),
			[]string{"/bramble-camera.js", "/assets/app.js"}, false},
	} {
		for _, path := range test.paths {
			rec := h.answer(path, "localhost:"+port, test.header...)
			if want := map[bool]int{true: http.StatusForbidden, false: http.StatusOK}[test.refused]; rec.Code != want {
				t.Errorf("%s, %s: %d %.200s", test.name, path, rec.Code, rec.Body)
			}
			if test.refused && !strings.Contains(rec.Body.String(), "allow-origin") {
				t.Errorf("%s, %s names no remedy: %s", test.name, path, rec.Body)
			}
		}
	}
	h.srv.cfg.AllowOrigins = []string{"*"}
	for _, path := range all {
		if rec := h.answer(path, "localhost", fetched("cross-site", "no-cors", "image")...); rec.Code != http.StatusOK {
			t.Errorf("every page is allowed, and %s answers %d", path, rec.Code)
		}
	}
}

// TestForeignPageOfUser: the same holds for a page of another host, such as a subdomain, whose requests carry a user's
// session cookie or a proxy's headers. A password, a token or a link is the page's own to send.
func TestForeignPageOfUser(t *testing.T) {
	g := newProxyFixture(t, true)
	session := []string{"Cookie", g.login("anna", annaPassword)}
	proxy := []string{"Remote-User", "tim", "Remote-Groups", "lab"}
	token := []string{"Authorization", "Bearer " + g.annaToken}
	for _, test := range []struct {
		path    string
		as      []string
		fetched []string
		want    int
	}{
		{"/cam/porch.jpeg", session, fetched("same-site", "no-cors", "image"), http.StatusForbidden},
		{"/cam/porch.jpeg", session, fetched("same-site", "no-cors", "image", "Referer", "http://other.example/"),
			http.StatusForbidden},
		{"/cam/porch?embed", session, fetched("same-site", "navigate", "iframe"), http.StatusForbidden},
		{"/cam/porch.jpeg", proxy, fetched("cross-site", "no-cors", "image"), http.StatusForbidden},
		{"/cam/porch.jpeg", session, fetched("same-origin", "no-cors", "image"), http.StatusOK},
		{"/cam/porch.jpeg", proxy, fetched("same-origin", "no-cors", "image"), http.StatusOK},
		{"/cam/porch.jpeg", session, fetched("same-site", "no-cors", "image", "Referer", "https://friend.example/"),
			http.StatusOK},
		{"/cam/porch.jpeg?link=" + g.valid, session, fetched("same-site", "no-cors", "image"), http.StatusOK},
		{"/cam/porch", session, fetched("cross-site", "navigate", "document"), http.StatusOK},
		{"/cam/porch.jpeg", token, fetched("cross-site", "no-cors", "image"), http.StatusOK},
	} {
		resp, body := g.request(http.MethodGet, test.path, "", append(test.as, test.fetched...)...)
		if resp.StatusCode != test.want {
			t.Errorf("%s, %v: %s %.200s", test.path, test.fetched, resp.Status, body)
		}
	}
}

// TestSecurityHeaders: answers tell browsers to isolate them from other pages, except answers that pages of other
// origins may show.
func TestSecurityHeaders(t *testing.T) {
	g := newAuthFixture(t) // https://friend.example is allowed
	const own, shared = "same-origin", "cross-origin"
	for _, test := range []struct {
		path   string
		header []string
		policy string
	}{
		{"/login", nil, own},
		{"/assets/app.js", nil, shared},
		{"/bramble-camera.js", nil, shared},
		{"/cam/porch.jpeg", []string{"Authorization", "Bearer " + g.annaToken}, own},
		{"/cam/porch.jpeg", []string{"Authorization", "Bearer " + g.annaToken, "Referer", "https://evil.example/"}, own},
		{"/cam/porch.jpeg", []string{"Authorization", "Bearer " + g.annaToken, "Referer", "https://friend.example/"}, shared},
		// of another port
		{"/cam/porch.jpeg", []string{"Authorization", "Bearer " + g.annaToken, "Referer", "http://127.0.0.1/"}, shared},
		{"/cam/porch.jpeg", nil, own}, // refused
		{"/cam/porch.jpeg?link=" + g.valid, nil, shared},
		{"/cam/porch?embed&link=" + g.valid, nil, shared},
		{"/cam/porch.jpeg?link=" + g.expired, nil, own}, // refused
		{"/cam/porch", []string{"Authorization", "Bearer " + g.annaToken}, own},
		{"/cam/porch?embed", []string{"Authorization", "Bearer " + g.annaToken}, shared},
	} {
		for scheme, want := range map[string]string{"http": "", "https": transportSecurity} {
			resp, _ := g.request(http.MethodGet, test.path, "",
				append([]string{"X-Forwarded-Proto", scheme}, test.header...)...)
			h := resp.Header
			if got := h.Get("Cross-Origin-Resource-Policy"); got != test.policy {
				t.Errorf("%s: resource policy %q, want %q", test.path, got, test.policy)
			}
			if got := h.Get("Strict-Transport-Security"); got != want {
				t.Errorf("%s by %s: transport security %q, want %q", test.path, scheme, got, want)
			}
			if h.Get("Cross-Origin-Opener-Policy") != own ||
				!strings.Contains(h.Get("Permissions-Policy"), "camera=()") {
				t.Errorf("%s: %v", test.path, h)
			}
		}
	}
}
