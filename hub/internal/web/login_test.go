package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/testutil"
)

const aBrowser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"

// TestLogin: a browser gets a redirect to the login page and back. Its cookie is hidden from scripts, other sites
// and plain HTTP.
func TestLogin(t *testing.T) {
	g := newAuthFixture(t)
	page := []string{"Accept", "text/html,*/*;q=0.8", "User-Agent", aBrowser}
	for path, want := range map[string]string{
		"/": "login", "/cam/porch": "../login?next=cam%2Fporch", "/?group=lab": "login?next=%3Fgroup%3Dlab",
		"/cam/porch/?action=stream":          "../../login?next=cam%2Fporch%2F%3Faction%3Dstream",
		"/cam/porch?embed&link=" + g.expired: "../login?next=cam%2Fporch%3Fembed%3D",
	} {
		if resp, _ := g.request(http.MethodGet, path, "", page...); resp.StatusCode != http.StatusSeeOther ||
			resp.Header.Get("Location") != want || resp.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %s, Location %q, want %q", path, resp.Status, resp.Header.Get("Location"), want)
		}
	}
	resp, body := g.request(http.MethodGet, "/login?next=cam/porch", "", page...)
	if !strings.Contains(body, `name="next" type="hidden" value="cam/porch"`) ||
		!strings.Contains(body, `action="login"`) || resp.Header.Get("Cache-Control") != "no-store" ||
		resp.Header.Get("Content-Security-Policy") != ownPolicy {
		t.Errorf("%s %v", body, resp.Header)
	}
	values := url.Values{"user": {"anna"}, "password": {annaPassword}, "next": {"cam/porch?x=1"}}
	resp, _ = g.form("/login", values, append(page, "X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/sub", "Origin",
		"http://"+g.addr)...)
	cookie := resp.Cookies()[0]
	secretLog.hide("session", cookie.Value)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "./cam/porch?x=1" {
		t.Errorf("%s to %s", resp.Status, resp.Header.Get("Location"))
	}
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/sub/" ||
		cookie.Domain != "" {
		t.Errorf("cookie %s", strings.ReplaceAll(cookie.String(), cookie.Value, "..."))
	}
	if resp, _ = g.form("/login", values); resp.Cookies()[0].Secure || resp.Cookies()[0].Path != "/" {
		t.Error("the cookie cannot be used without TLS")
	}
	secretLog.hide("session", resp.Cookies()[0].Value)
}

// TestLoginRefused: a browser gets the reason on the form, and a program as a problem. Neither says whether the name
// or the password was wrong.
func TestLoginRefused(t *testing.T) {
	g := newAuthFixture(t)
	wrong := url.Values{"user": {"anna"}, "password": {secretLog.hide("password", "wrong but long enough")},
		"next": {"cam/porch"}}
	resp, body := g.form("/login", wrong, "Accept", "text/html", "User-Agent", aBrowser)
	if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "Wrong user name or password.") ||
		!strings.Contains(body, `value="anna"`) || !strings.Contains(body, `value="cam/porch"`) ||
		len(resp.Cookies()) != 0 || resp.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("%s %s", resp.Status, body)
	}
	unknown := url.Values{"user": {"<b>missing"}, "password": {secretLog.hide("password", "whatever it is, it is wrong")}}
	if _, body = g.form("/login", unknown, "Accept", "text/html"); !strings.Contains(body,
		"Wrong user name or password.") || strings.Contains(body, "<b>") {
		t.Errorf("%s", body)
	}
	for range 8 { // with those above it is ten from this address
		resp, body = g.form("/login", wrong)
		if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(body, `"title":"Authentication required"`) {
			t.Errorf("%s %s", resp.Status, body)
		}
	}
	resp, body = g.form("/login", wrong, "Accept", "text/html")
	wait, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != http.StatusTooManyRequests || err != nil || wait < 1 || wait > 60 ||
		!strings.Contains(body, "Too many wrong passwords") {
		t.Errorf("%s, Retry-After %q: %s", resp.Status, resp.Header.Get("Retry-After"), body)
	}
	if resp, body = g.request(http.MethodGet, "/api/v1/me", "", "Authorization",
		basic("anna", "wrong once more, and longer")); resp.StatusCode != http.StatusTooManyRequests ||
		!strings.Contains(body, `"retry_after":`) {
		t.Errorf("%s %s", resp.Status, body)
	}
	resp, _ = g.form("/login", url.Values{"next": {strings.Repeat("x", webauth.MaxForm)}})
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a form that is too long: %s", resp.Status)
	}
}

// TestLoginFromElsewhere: a page of another origin cannot log a user in or out.
func TestLoginFromElsewhere(t *testing.T) {
	g := newAuthFixture(t)
	cookie := g.login("anna", annaPassword)
	values := url.Values{"user": {"anna"}, "password": {annaPassword}}
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Origin", "null"},
		{"Origin", "https://friend.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site", "Origin",
			"http://other." + g.addr}} {
		for _, path := range []string{"/login", "/logout"} {
			if resp, _ := g.form(path, values, append(header, "Cookie", cookie)...); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %v: %s", path, header, resp.Status)
			}
		}
	}
	if resp, _ := g.request(http.MethodGet, "/api/v1/me", "", "Cookie", cookie); resp.StatusCode != http.StatusOK {
		t.Errorf("the session: %s", resp.Status)
	}
}

// TestLogout: a login replaces the session before. A logout ends the session for every copy of its cookie.
func TestLogout(t *testing.T) {
	g := newAuthFixture(t)
	first := g.login("anna", annaPassword)
	resp, _ := g.form("/login", url.Values{"user": {"anna"}, "password": {annaPassword}}, "Cookie", first)
	second := resp.Cookies()[0].Name + "=" + secretLog.hide("session", resp.Cookies()[0].Value)
	for cookie, want := range map[string]int{first: 401, second: 200} {
		if resp, _ := g.request(http.MethodGet, "/api/v1/me", "", "Cookie", cookie); resp.StatusCode != want {
			t.Errorf("%s, want %d", resp.Status, want)
		}
	}
	viewer := g.fixture.stream("/cam/porch.mjpeg", "Cookie: "+second)
	g.porch.viewers(1)
	resp, _ = g.form("/logout", nil, "Cookie", second)
	if c := resp.Cookies()[0]; resp.StatusCode != http.StatusSeeOther || c.Value != "" || c.MaxAge >= 0 &&
		c.Expires.Year() > 1980 {
		t.Errorf("%s, cookie %v", resp.Status, c)
	}
	viewer.ends()
	g.porch.viewers(0)
	if resp, _ := g.request(http.MethodGet, "/api/v1/me", "", "Cookie",
		second); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the logout: %s", resp.Status)
	}
	if !secretLog.says("audit=logout") || !secretLog.says("audit=login") || !secretLog.says("audit=refused") {
		t.Error("no audit lines")
	}
}

// TestOpen: without users there is no authentication, and the login page redirects.
func TestOpen(t *testing.T) {
	r := newFixture(t, stream.Config{})
	if _, body := r.do(http.MethodGet, "/api/v1/me"); string(body) != `{"name":"anonymous","role":"admin","open":true}`+
		"\n" {
		t.Errorf("%s", body)
	}
	g := &authFixture{fixture: r}
	if resp, _ := g.request(http.MethodGet, "/login?next=cam/porch", ""); resp.StatusCode != http.StatusSeeOther ||
		resp.Header.Get("Location") != "./cam/porch" {
		t.Errorf("%s to %q", resp.Status, resp.Header.Get("Location"))
	}
	if resp, _ := g.form("/login", url.Values{}); resp.StatusCode != http.StatusSeeOther {
		t.Error(resp.Status)
	}
	if resp, _ := g.form("/logout", url.Values{}); resp.StatusCode != http.StatusSeeOther {
		t.Error(resp.Status)
	}
}

// TestExposed removes the last user of a hub that other hosts can reach. It then denies all access.
func TestExposed(t *testing.T) {
	keeper, err := credstore.Open("", testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	for exposed, want := range map[bool]int{false: 200, true: 401} {
		h := newTestServer(t, stream.Config{})
		h.srv = New(Config{Registry: h.reg, Transcoder: h.tr, Outputs: outputs.All(), Connected: h.agents.Connected,
			Credentials: keeper, Auth: newAuth(keeper, "", testutil.Log(t)), Exposed: exposed, Log: testutil.Log(t)})
		r := runFixture(t, h)
		if resp, _ := r.do(http.MethodGet, "/api/v1/cameras"); resp.StatusCode != want {
			t.Errorf("exposed %v: %s", exposed, resp.Status)
		}
	}
}
