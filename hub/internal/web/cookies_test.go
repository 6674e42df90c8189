package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The names of session cookies, as browsers send them.
const (
	sessionCookie = "bramble_session"
	hostCookie    = "__Host-bramble_session"
)

// TestPlantedCookie: a cookie planted by another port or path of the host does not lock its user out, even if the
// browser sends it first. Over TLS it is not even tried.
func TestPlantedCookie(t *testing.T) {
	g := newAuthFixture(t)
	good := g.login("anna", annaPassword)
	values := url.Values{"user": {"anna"}, "password": {annaPassword}}
	https := []string{"X-Forwarded-Proto", "https"}
	resp, _ := g.form("/login", values, https...)
	host := resp.Cookies()[0].Name + "=" + secretLog.hide("session", resp.Cookies()[0].Value)
	other := g.login("otto", ottoPassword) // an attacker wants anna to act as otto
	many := strings.Repeat(sessionCookie+"=x; ", 150)
	for _, test := range []struct {
		cookie string
		header []string
		want   string
	}{
		{sessionCookie + "=planted; " + good, nil, "anna"},
		{sessionCookie + "=planted; " + sessionCookie + "=\"also\"; " + good, nil, "anna"},
		{many + good, nil, "anna"},
		{sessionCookie + "=planted", nil, ""},
		{sessionCookie + "=planted; " + host, https, "anna"},
		{other + "; " + host, https, "anna"},
		{other + "; " + host, nil, "anna"}, // a proxy that does not say that there is TLS
		{other, https, ""},
		{host, https, "anna"},
	} {
		resp, body := g.request(http.MethodGet, "/api/v1/me", "",
			append([]string{"Cookie", test.cookie}, test.header...)...)
		if test.want == "" && resp.StatusCode != http.StatusUnauthorized ||
			test.want != "" && !strings.Contains(body, `"name":"`+test.want+`"`) {
			t.Errorf("%.60s, %v: %s %s", test.cookie[:min(30, len(test.cookie))], test.header, resp.Status, body)
		}
	}
}

// TestCookieNames: the cookie has the name that browsers protect best, and that no other host, path or scheme can set.
func TestCookieNames(t *testing.T) {
	g := newAuthFixture(t)
	values := url.Values{"user": {"anna"}, "password": {annaPassword}}
	for _, test := range []struct {
		header []string
		name   string
		path   string
	}{
		{nil, "bramble_session", "/"},
		{[]string{"X-Forwarded-Prefix", "/sub"}, "bramble_session", "/sub/"},
		{[]string{"X-Forwarded-Proto", "https"}, "__Host-bramble_session", "/"},
		{[]string{"X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/sub"}, "__Secure-bramble_session", "/sub/"},
	} {
		resp, _ := g.form("/login", values, test.header...)
		cookie := resp.Cookies()[0]
		value := secretLog.hide("session", cookie.Value)
		if cookie.Name != test.name || cookie.Path != test.path || cookie.Domain != "" || !cookie.HttpOnly ||
			cookie.SameSite != http.SameSiteLaxMode || cookie.Secure != strings.HasPrefix(test.name, "__") {
			t.Errorf("%v: the cookie %s for %s, secure %v", test.header, cookie.Name, cookie.Path, cookie.Secure)
		}
		resp, _ = g.request(http.MethodGet, "/api/v1/me", "",
			append([]string{"Cookie", cookie.Name + "=" + value}, test.header...)...)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%v: %s with its own cookie", test.header, resp.Status)
		}
	}
}

// TestLogoutOfAll: a logout ends every session whose cookie the browser has sent, under any name, and deletes these
// cookies.
func TestLogoutOfAll(t *testing.T) {
	g := newAuthFixture(t)
	values := url.Values{"user": {"anna"}, "password": {annaPassword}}
	https := []string{"X-Forwarded-Proto", "https"}
	resp, _ := g.form("/login", values, https...)
	host := resp.Cookies()[0].Name + "=" + secretLog.hide("session", resp.Cookies()[0].Value)
	first, second := g.login("anna", annaPassword), g.login("anna", annaPassword)
	all := fmt.Sprintf("%s=planted; %s; %s; %s", sessionCookie, first, second, host)
	resp, _ = g.form("/logout", nil, append(https, "Cookie", all)...)
	forgotten := map[string]bool{}
	for _, cookie := range resp.Cookies() {
		forgotten[cookie.Name] = cookie.Value == "" && cookie.Path == "/" && cookie.Expires.Unix() == 1 &&
			cookie.Secure == (cookie.Name == hostCookie)
	}
	if len(forgotten) != 2 || !forgotten[sessionCookie] || !forgotten[hostCookie] {
		t.Errorf("the browser forgets %v", forgotten)
	}
	for _, cookie := range []string{first, second, host} {
		if resp, _ := g.request(http.MethodGet, "/api/v1/me", "", "Cookie",
			cookie); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("a session of before the logout: %s", resp.Status)
		}
	}
}
