package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func basic(user, password string) string {
	text := secretLog.hide("password", base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	secretLog.hide("password", password)
	return "Basic " + text
}

// TestRefusals reads what a refused client learns: the remedy, and not what exists.
func TestRefusals(t *testing.T) {
	g := newAuthFixture(t)
	nora, anna := g.login("nora", annaPassword), g.login("anna", annaPassword)
	for name, test := range map[string]struct {
		path   string
		header []string
		status int
		says   string
	}{
		"anonymous":      {"/cam/porch.jpeg", nil, 401, "log in at /login"},
		"no such scheme": {"/api/v1/me", []string{"Authorization", "Digest x"}, 401, "Bearer with an API token"},
		"broken Basic":   {"/api/v1/me", []string{"Authorization", "Basic ???"}, 401, "base64"},
		"no token": {"/api/v1/me",
			[]string{"Authorization", "Bearer " + secretLog.hide("token", "bt_nonsense")}, 401,
			"invalid or expired credentials"},
		"a session of elsewhere": {"/api/v1/me",
			[]string{"Cookie", sessionCookie + "=" + secretLog.hide("session", "AAAA.BBBB")}, 401,
			"invalid or expired credentials"},
		"no grant": {"/cam/porch.jpeg", []string{"Cookie", nora}, 404,
			`unknown camera \"porch\": no camera is known yet`},
		"unknown camera": {"/cam/missing.jpeg", []string{"Cookie", nora}, 404,
			`unknown camera \"missing\": no camera is known yet`},
		"known are the granted": {"/cam/missing.jpeg", []string{"Authorization", "Bearer " + g.rootToken}, 404,
			`"cameras":["porch","yard"]`},
		"role": {"/metrics", []string{"Cookie", anna}, 403,
			"role admin, or an API token of a user who may see all cameras: user anna has the role viewer"},
		"a link's format": {"/cam/porch.mjpeg?link=" + g.jpegURL, nil, 403, "the signed link is for .jpeg"},
		"a link's camera": {"/cam/yard.mp4?link=" + g.valid, nil, 401, "invalid or expired credentials"},
	} {
		resp, body := g.request(http.MethodGet, test.path, "", test.header...)
		if resp.StatusCode != test.status || !strings.Contains(body, test.says) ||
			resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s %s, want %d and %q", name, resp.Status, body, test.status, test.says)
		}
		if want := test.status == 401; (resp.Header.Get(
			"WWW-Authenticate") == `Basic realm="bramble", charset="UTF-8"`) != want {
			t.Errorf("%s: WWW-Authenticate %q", name, resp.Header.Get("WWW-Authenticate"))
		}
	}
	for _, header := range [][]string{{"User-Agent", aBrowser}, {"Sec-Fetch-Mode", "no-cors"},
		{"Accept", "text/html", "Sec-Fetch-Mode", "cors"}} {
		if resp, _ := g.request(http.MethodGet, "/cam/porch.jpeg", "",
			header...); resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%v: %s, the browser would ask by itself", header, resp.Status)
		}
	}
}

// TestLists: lists contain the granted cameras only.
func TestLists(t *testing.T) {
	g := newAuthFixture(t)
	for who, want := range map[string]bool{g.login("nora", annaPassword): false, g.login("anna", annaPassword): true} {
		for _, path := range []string{"/api/v1/cameras", "/api/streams"} {
			resp, body := g.request(http.MethodGet, path, "", "Cookie", who)
			if resp.StatusCode != 200 || strings.Contains(body, "porch") != want {
				t.Errorf("%s: %s %s, want porch %v", path, resp.Status, body, want)
			}
		}
	}
	for token, status := range map[string]int{g.promToken: 200, g.annaToken: 403, g.rootToken: 200} {
		if resp, body := g.request(http.MethodGet, "/metrics", "", "Authorization",
			"bearer "+token); resp.StatusCode != status {
			t.Errorf("/metrics: %s %s, want %d", resp.Status, body, status)
		}
	}
}

// TestMe authenticates a program by each kind of credential. It gets the rights of the user.
func TestMe(t *testing.T) {
	g := newAuthFixture(t)
	type me struct {
		Name, Role string
		Open       bool
		LogoutURL  string `json:"logout_url"`
	}
	for header, want := range map[string]me{
		basic("otto", ottoPassword): {"otto", "operator", false, ""}, "Bearer " + g.annaToken: {"anna", "viewer", false, ""},
		"bearer " + g.rootToken: {"root", "admin", false, ""},
	} {
		_, body := g.request(http.MethodGet, "/api/v1/me", "", "Authorization", header)
		var got me
		if err := json.Unmarshal([]byte(body), &got); err != nil || got != want {
			t.Errorf("%s %v, want %v", body, err, want)
		}
		var members map[string]any
		if err := json.Unmarshal([]byte(body), &members); err != nil {
			t.Fatal(err)
		}
		readOpenAPI(t).Components.Schemas["Me"].check(t, "me", members)
	}
}
