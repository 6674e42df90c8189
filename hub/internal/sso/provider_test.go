package sso

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/setting"
)

// testProvider is an OpenID provider whose answers a test controls. e2e/oidc tests a complete one.
type testProvider struct {
	*httptest.Server
	discovery map[string]any
	token     func(form url.Values) (status int, answer any)
	userinfo  any
	forms     []url.Values
}

func newTestProvider(t *testing.T) *testProvider {
	t.Helper()
	p := &testProvider{}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, value any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(value) // the test finds out
	}
	mux.HandleFunc("/.well-known/openid-configuration",
		func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, p.discovery) })
	mux.HandleFunc("/keys",
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keySetOf(t, newSigners()["RS256"])) })
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, p.userinfo) })
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		p.forms = append(p.forms, r.PostForm)
		status, value := p.token(r.PostForm)
		answer(w, status, value)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	p.discovery = map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token",
		"jwks_uri":          p.URL + "/keys",
		"userinfo_endpoint": p.URL + "/userinfo", "end_session_endpoint": p.URL + "/bye?x=1",
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256"},
	}
	return p
}

func (p *testProvider) client(t *testing.T) *Provider {
	t.Helper()
	c, err := NewProvider(ProviderConfig{
		Issuer: p.URL, ClientID: "bramble", ClientSecret: "secret of the client",
		RedirectURL: "https://cams.example.org/login/oidc/callback",
		Scopes:      []string{"profile"}, Claims: Claims{User: "preferred_username", Groups: "groups"}, Session: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// idToken returns a valid ID token for a login, with changes.
func (p *testProvider) idToken(t *testing.T, nonce string, changes map[string]any) string {
	t.Helper()
	claims := claimsWith(map[string]any{
		"iss": p.URL, "aud": "bramble", "nonce": nonce, "preferred_username": "anna",
	})
	for k, v := range changes {
		if claims[k] = v; v == nil {
			delete(claims, k)
		}
	}
	return newSigners()["RS256"].sign(t, claims)
}

// TestFinish: only a valid ID token for the login in progress is accepted.
func TestFinish(t *testing.T) {
	type reply = map[string]any
	tokens := func(id any) reply { return reply{"access_token": "a", "token_type": "Bearer", "id_token": id} }
	for name, test := range map[string]struct {
		reply    func(p *testProvider, nonce string) (int, any)
		userinfo any
		back     func(url.Values)
		late     bool
		says     string // "" if it is anna of lab
	}{
		"good": {reply: func(p *testProvider, n string) (int, any) { return 200, tokens(p.idToken(t, n, nil)) }},
		"by userinfo": {reply: func(p *testProvider, n string) (int, any) {
			return 200, tokens(p.idToken(t, n, reply{"groups": nil}))
		}, userinfo: reply{"sub": "anna", "groups": "lab"}},
		"not replaced": {reply: func(p *testProvider, n string) (int, any) {
			return 200, tokens(p.idToken(t, n, reply{"groups": nil}))
		}, userinfo: reply{"sub": "anna", "groups": "lab", "preferred_username": "root"}},
		"another's userinfo": {
			reply:    func(p *testProvider, n string) (int, any) { return 200, tokens(p.idToken(t, n, reply{"groups": nil})) },
			userinfo: reply{"sub": "root", "groups": "admins"}, says: "another person",
		},
		"other nonce": {reply: func(p *testProvider, _ string) (int, any) { return 200, tokens(p.idToken(t, "x", nil)) },
			says: "for another login"},
		"no nonce": {reply: func(p *testProvider, n string) (int, any) {
			return 200, tokens(p.idToken(t, n, reply{"nonce": nil}))
		}, says: "for another login"},
		"other audience": {reply: func(p *testProvider, n string) (int, any) {
			return 200, tokens(p.idToken(t, n, reply{"aud": "grafana"}))
		}, says: "audience"},
		"other issuer": {reply: func(p *testProvider, n string) (int, any) {
			return 200, tokens(p.idToken(t, n, reply{"iss": issuer}))
		}, says: "different provider"},
		"expired": {reply: func(p *testProvider, n string) (int, any) {
			return 200, tokens(p.idToken(t, n, reply{"exp": 1}))
		}, says: "expired"},
		"no ID token": {reply: func(*testProvider, string) (int, any) { return 200, tokens(nil) }, says: "openid"},
		"number":      {reply: func(*testProvider, string) (int, any) { return 200, tokens(7) }, says: "openid"},
		"client's secret": {reply: func(p *testProvider, n string) (int, any) {
			return 200, tokens(sign(t, "HS256", []byte("secret of the client, and 32 byte"), "one",
				claimsWith(reply{"iss": p.URL, "aud": "bramble", "nonce": n}), nil))
		}, says: "malformed"},
		"refused code": {reply: func(*testProvider, string) (int, any) { return 400, reply{"error": "invalid_grant"} },
			says: `refuses the code: "invalid_grant"`},
		"broken": {reply: func(*testProvider, string) (int, any) { return 500, reply{"secret": "s3cret"} },
			says: "is unavailable"},
		"provider says no": {back: func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") },
			says: `refuses: "access_denied"`},
		"other state": {back: func(v url.Values) { v.Set("state", "x") }, says: "has not begun"},
		"no state":    {back: func(v url.Values) { v.Del("state") }, says: "has not begun"},
		"too late":    {late: true, says: "has not begun"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestProvider(t)
			c := p.client(t)
			now := time.Now()
			attempt, to, err := c.Begin(t.Context(), "cam/porch", now)
			if err != nil {
				t.Fatal(err)
			}
			q := query(t, to)
			p.userinfo = test.userinfo
			p.token = func(form url.Values) (int, any) {
				if form.Get("code_verifier") != attempt.Verifier || form.Get("code") != "the code" ||
					form.Get("redirect_uri") != "https://cams.example.org/login/oidc/callback" {
					t.Errorf("the hub sends %v", form)
				}
				return test.reply(p, q.Get("nonce"))
			}
			back := url.Values{"code": {"the code"}, "state": {q.Get("state")}}
			if test.back != nil {
				test.back(back)
			}
			if test.late {
				now = now.Add(attemptLife)
			}
			id, err := c.Finish(t.Context(), attempt, back, now)
			switch {
			case test.says == "" && (err != nil || id.Name != "anna" || len(id.Groups) != 1 || id.Groups[0] != "lab"):
				t.Errorf("%+v %v", id, err)
			case test.says != "" && (err == nil || !strings.Contains(setting.Flags(err), test.says) || id.Name != ""):
				t.Errorf("%+v %v, want %q", id, err, test.says)
			case err != nil && (strings.Contains(err.Error(), "s3cret") ||
				strings.Contains(err.Error(), "secret of the client")):
				t.Errorf("the error tells a secret: %v", err)
			}
			if (test.back != nil || test.late) && len(p.forms) > 0 {
				t.Error("the provider is asked for tokens all the same")
			}
		})
	}
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestBegin(t *testing.T) {
	p := newTestProvider(t)
	c := p.client(t)
	a, to, err := c.Begin(t.Context(), "cam/porch", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := c.Begin(t.Context(), "", time.Now())
	if err != nil || a.State == b.State || a.Nonce == b.Nonce || a.Verifier == b.Verifier || a.State == a.Nonce {
		t.Errorf("two logins have something in common: %v", err)
	}
	q := query(t, to)
	if !strings.HasPrefix(to, p.URL+"/auth?") || q.Get("scope") != "openid profile" ||
		q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" ||
		q.Get("code_challenge") == a.Verifier || len(q.Get("code_challenge")) != 43 ||
		q.Get("state") != a.State ||
		q.Get("nonce") != a.Nonce {
		t.Errorf("it leads to %s", to)
	}
	if got := c.LogoutURL(t.Context()); got != p.URL+"/bye?client_id=bramble&x=1" {
		t.Errorf("the logout is at %q", got)
	}
}

// A provider with an invalid discovery document counts as unavailable, and is not asked each time.
func TestDiscovery(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"other issuer":  {"issuer": "https://evil.example"},
		"in clear":      {"token_endpoint": "http://id.example.org/token"},
		"no endpoint":   {"authorization_endpoint": nil},
		"script":        {"authorization_endpoint": "javascript:alert(1)"},
		"keys in clear": {"jwks_uri": "http://id.example.org/keys"},
		"logout":        {"end_session_endpoint": "javascript:alert(1)"},
	} {
		p := newTestProvider(t)
		for k, v := range change {
			p.discovery[k] = v
		}
		c := p.client(t)
		_, _, err := c.Begin(t.Context(), "", time.Now())
		if !errors.As(err, new(*UnavailableError)) {
			t.Errorf("%s: %v", name, err)
		}
		p.Close()
		if _, _, again := c.Begin(t.Context(), "", time.Now()); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: at once again: %v", name, again)
		}
		if got := c.LogoutURL(t.Context()); got != "" {
			t.Errorf("%s: the logout is at %q", name, got)
		}
	}
}

func TestProviderSettings(t *testing.T) {
	good := ProviderConfig{
		Issuer:      "https://id.example.org",
		ClientID:    "bramble",
		RedirectURL: "https://cams.example.org/login/oidc/callback",
		Session:     time.Hour,
	}
	for name, test := range map[string]struct {
		change func(*ProviderConfig)
		says   string
	}{
		"good":            {func(*ProviderConfig) {}, ""},
		"below a path":    {func(c *ProviderConfig) { c.RedirectURL = "https://example.org/cams/login/oidc/callback" }, ""},
		"on this host":    {func(c *ProviderConfig) { c.Issuer = "http://localhost/dex" }, ""},
		"issuer in clear": {func(c *ProviderConfig) { c.Issuer = "http://id.example.org" }, "https"},
		"hub in clear": {func(c *ProviderConfig) { c.RedirectURL = "http://cams.example.org/login/oidc/callback" },
			"https"},
		"no client":      {func(c *ProviderConfig) { c.ClientID = "" }, "--oidc-client-id"},
		"no way back":    {func(c *ProviderConfig) { c.RedirectURL = "" }, "--oidc-redirect-url"},
		"other way back": {func(c *ProviderConfig) { c.RedirectURL = "https://cams.example.org/" }, CallbackPath},
		"no time":        {func(c *ProviderConfig) { c.Session = 0 }, "--oidc-session"},
	} {
		cfg := good
		test.change(&cfg)
		if _, err := NewProvider(cfg); (err == nil) != (test.says == "") ||
			err != nil && !strings.Contains(setting.Flags(err), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}
