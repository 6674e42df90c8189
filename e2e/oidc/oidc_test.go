package oidc

import (
	"encoding/json"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browser is a client with cookies, which follows redirects to other pages.
type browser struct {
	t *testing.T
	*http.Client
	hub *hub
}

func newBrowser(t *testing.T, h *hub) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t, &http.Client{Jar: jar, Transport: transport, Timeout: timeout}, h}
}

// do sends a request as a browser does for a page, and returns the last answer with its body.
func (b *browser) do(method, address, body, kind string) (*http.Response, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	resp, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(text)
}

func (b *browser) get(address string) (*http.Response, string) {
	b.t.Helper()
	return b.do(http.MethodGet, address, "", "")
}

var (
	button = regexp.MustCompile(`href="([^"]*login/oidc[^"]*)">Log in with the lab<`)
	field  = regexp.MustCompile(`name="id" value="([^"]+)"`)
)

// logIn asks for a page of the hub and logs in at the provider on the way. It returns the last answer.
func (b *browser) logIn(page, user string) (*http.Response, string) {
	b.t.Helper()
	resp, body := b.get(b.hub.url + page)
	m := button.FindStringSubmatch(body)
	if m == nil || !strings.HasPrefix(resp.Request.URL.Path, "/login") {
		b.t.Fatalf("%s leads to %s: %s", page, resp.Request.URL, body)
	}
	to, err := resp.Request.URL.Parse(html.UnescapeString(m[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	resp, body = b.get(to.String())
	id := field.FindStringSubmatch(body)
	if id == nil {
		b.t.Fatalf("no form of the provider at %s: %s %s", resp.Request.URL, resp.Status, body)
	}
	values := url.Values{"id": {id[1]}, "username": {user}, "password": {password}}
	return b.do(http.MethodPost, resp.Request.URL.Scheme+"://"+resp.Request.URL.Host+"/login/username", values.Encode(),
		"application/x-www-form-urlencoded")
}

type me struct {
	Name, Role string
	LogoutURL  string `json:"logout_url"`
}

func (b *browser) me() (who me, status int) {
	b.t.Helper()
	resp, body := b.get(b.hub.url + "/api/v1/me")
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal([]byte(body), &who); err != nil {
			b.t.Fatal(err)
		}
	}
	return who, resp.StatusCode
}

// noFollow leaves redirects to the test.
func noFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// TestLogin goes the whole way of a browser, from a page of the hub over the provider back to the page, and out again.
func TestLogin(t *testing.T) {
	p, h := newProvider(t), newHub(t)
	h.command("mapping", "add", "group:lab", "--role", "operator", "--cameras", "porch,lab-*=viewer")
	h.command("mapping", "add", "user:test-user2", "--cameras", "garden")
	p.start(t, h.redirectURL())
	h.start(p.issuer())
	b := newBrowser(t, h)
	user := "test-user@127.0.0.1"
	if resp, body := b.logIn("/cam/porch?x=1", user); resp.StatusCode != 200 || resp.Request.URL.String() != h.url+
		"/cam/porch?x=1" {
		t.Fatalf("after the login: %s %s %s", resp.Request.URL, resp.Status, body)
	}
	who, _ := b.me()
	if who.Name != user || who.Role != "operator" || !strings.HasPrefix(who.LogoutURL, p.issuer()+"/end_session?") {
		t.Errorf("it is %+v", who)
	}
	var list struct{ Cameras []struct{ ID, Role string } }
	if _, body := b.get(h.url + "/api/v1/cameras"); json.Unmarshal([]byte(body), &list) != nil {
		t.Fatal(body)
	}
	for _, c := range list.Cameras {
		if want := map[string]string{"porch": "operator", "lab-bench": "viewer"}[c.ID]; c.Role != want {
			t.Errorf("role %q for %s", c.Role, c.ID)
		}
	}
	if resp, _ := b.do(http.MethodPost, h.url+"/api/v1/cameras/lab-bench/controls", `{"fps":5}`,
		"application/json"); resp.StatusCode != 403 {
		t.Errorf("controls of lab-bench: %s", resp.Status)
	}
	other := newBrowser(t, h)
	if resp, body := other.logIn("/", "test-user2"); resp.StatusCode != 200 {
		t.Fatalf("%s %s", resp.Status, body)
	}
	if who, _ := other.me(); who.Name != "test-user2" || who.Role != "viewer" {
		t.Errorf("the other is %+v", who)
	}
	at, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	copied := b.Jar.Cookies(at)
	if resp, body := b.do(http.MethodPost, h.url+"/logout", "", ""); resp.StatusCode != 200 || !button.MatchString(body) {
		t.Errorf("logout: %s %s", resp.Status, body)
	}
	b.Jar.SetCookies(at, copied)
	b.CheckRedirect = noFollow
	if _, status := b.me(); status != http.StatusSeeOther {
		t.Errorf("a copy of the session after the logout: %d", status)
	}
	if resp, _ := b.get(who.LogoutURL); resp.StatusCode != http.StatusFound {
		t.Errorf("the provider's logout: %s", resp.Status)
	}
	if said := h.log.String(); !strings.Contains(said, "by=oidc user="+user) || strings.Contains(said, clientSecret) ||
		strings.Contains(said, "code=") {
		t.Errorf("the log: %s", said)
	}
}

// TestUnmapped: a person without a mapping is told so, and gets no session.
func TestUnmapped(t *testing.T) {
	p, h := newProvider(t), newHub(t)
	h.command("mapping", "add", "group:lab", "--cameras", "porch")
	p.start(t, h.redirectURL())
	h.start(p.issuer())
	b := newBrowser(t, h)
	if resp, body := b.logIn("/", "test-user2"); resp.StatusCode != 403 ||
		!strings.Contains(body, "You are logged in as test-user2, but this hub grants you no camera") {
		t.Errorf("%s %s", resp.Status, body)
	}
	b.CheckRedirect = noFollow
	if _, status := b.me(); status != http.StatusSeeOther {
		t.Errorf("it is in: %d", status)
	}
}

// TestProviderAway: the hub starts without its provider, says so, and finds it when it is there.
func TestProviderAway(t *testing.T) {
	p, h := newProvider(t), newHub(t)
	h.command("mapping", "add", "everyone", "--cameras", "porch")
	away := p.listener.Addr().String()
	if err := p.listener.Close(); err != nil {
		t.Fatal(err)
	}
	h.start("http://" + away)
	b := newBrowser(t, h)
	resp, body := b.get(h.url + "/login/oidc")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" ||
		!strings.Contains(body, "The identity provider is not available") || strings.Contains(body, away) {
		t.Errorf("%s %s", resp.Status, body)
	}
	if _, body := b.get(h.url + "/healthz"); body != "ok\n" {
		t.Errorf("the hub: %s", body)
	}
	if !strings.Contains(h.log.String(), "connection refused") {
		t.Errorf("the log does not say why: %s", h.log)
	}
	var err error
	if p.listener, err = net.Listen("tcp", away); err != nil {
		t.Skipf("the provider's port is taken by now: %v", err)
	}
	p.start(t, h.redirectURL())
	deadline, tick := time.After(timeout), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for resp.StatusCode != http.StatusOK {
		select {
		case <-tick.C:
			resp, _ = b.get(h.url + "/login/oidc")
		case <-deadline:
			t.Fatalf("the hub does not find the provider: %s", resp.Status)
		}
	}
	if resp, body := b.logIn("/", "test-user2"); resp.StatusCode != 200 {
		t.Errorf("%s %s", resp.Status, body)
	}
}

// TestForgedCallback: the way back is for the browser that has begun, once.
func TestForgedCallback(t *testing.T) {
	p, h := newProvider(t), newHub(t)
	h.command("mapping", "add", "everyone", "--cameras", "porch")
	p.start(t, h.redirectURL())
	h.start(p.issuer())
	b, victim := newBrowser(t, h), newBrowser(t, h)
	last := ""
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/login/oidc/callback") {
			last = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	if resp, _ := b.logIn("/", "test-user2"); resp.StatusCode != http.StatusFound || last == "" {
		t.Fatalf("%s, %q", resp.Status, last)
	}
	at, err := url.Parse(last)
	if err != nil {
		t.Fatal(err)
	}
	begin, _ := victim.get(h.url + "/login/oidc") // the victim has a login of its own under way
	if begin.StatusCode != 200 {
		t.Fatal(begin.Status)
	}
	otherState := func(state string) string {
		u := *at
		q := u.Query()
		q.Set("state", state)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for name, test := range map[string]struct {
		who     *browser
		address string
		says    string
	}{
		"an attacker's login in another browser": {victim, last, "This browser has not begun"},
		"without state":                          {victim, otherState(""), "This browser has not begun"},
		"a made-up code":                         {b, strings.Replace(last, "code=", "code=x", 1), ""},
		"nothing at all":                         {victim, h.redirectURL(), "This browser has not begun"},
	} {
		resp, body := test.who.get(test.address)
		if resp.StatusCode != 401 && resp.StatusCode != 503 ||
			!strings.Contains(strings.ToLower(body), strings.ToLower(strings.TrimPrefix(test.says, "This "))) {
			t.Errorf("%s: %s %s", name, resp.Status, body)
		}
	}
	if resp, body := b.get(last); resp.StatusCode != 401 {
		t.Errorf("the same login again: %s %s", resp.Status, body)
	}
	for _, who := range []*browser{b, victim} {
		who.CheckRedirect = noFollow
		if _, status := who.me(); status != http.StatusSeeOther {
			t.Errorf("a login succeeded: %d", status)
		}
	}
}
