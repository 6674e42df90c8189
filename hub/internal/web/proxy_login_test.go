package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/testutil"
)

const proxySecret = "a secret of proxy and hub"

// newProxyFixture is a authFixture hub behind a proxy at 10.0.0.2. Group lab operates porch, and user zoe views yard.
func newProxyFixture(t *testing.T, without bool) *authFixture {
	t.Helper()
	secretLog.hide("secret", proxySecret)
	proxies, err := trustedproxy.Parse([]string{"10.0.0.2", "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	g := newAuthFixture(t, func(s *Server) {
		s.cfg.Proxies = proxies
		s.cfg.External.Proxy = &webauth.ProxyLogin{
			UserHeader: "Remote-User", GroupsHeader: "Remote-Groups", Secret: proxySecret,
			LogoutURL: "https://auth.example.org/logout",
		}
		if without {
			s.cfg.External.Proxy.Secret = ""
		}
		s.compose()
	})
	g.edit(func(d *credstore.File) error {
		if err := d.AddMapping(credstore.Mapping{Who: "group:lab", Role: permission.Operator,
			Cameras: []string{"porch"}}); err != nil {
			return err
		}
		return d.AddMapping(credstore.Mapping{Who: "user:zoe", Role: permission.Viewer, Cameras: []string{"yard"}})
	})
	testutil.Eventually(t, "the mappings count", func() bool { return len(g.store.Snapshot().Mappings()) == 2 })
	return g
}

// sendFrom sends a request as if from an address. A header name may come twice.
func (g *authFixture) sendFrom(address, method, path string, header ...string) *httptest.ResponseRecorder {
	g.t.Helper()
	r := httptest.NewRequest(method, "http://hub"+path, strings.NewReader(`{"fps":5}`))
	r.RemoteAddr = address + ":1"
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.srv.ServeHTTP(w, r)
	_, _ = secretLog.Write(w.Body.Bytes()) // to memory
	return w
}

// TestForgedProxyHeaders: a header that names a user counts only from the proxy with its secret.
func TestForgedProxyHeaders(t *testing.T) {
	g := newProxyFixture(t, false)
	const proxy, stranger = "10.0.0.2", "192.0.2.66"
	secret := []string{webauth.HeaderProxySecret, proxySecret}
	zoe, lab := []string{"Remote-User", "zoe"}, []string{"Remote-User", "tim", "Remote-Groups", "x, lab"}
	join := func(parts ...[]string) (all []string) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	for name, test := range map[string]struct {
		address string
		header  []string
		status  int
		body    string
	}{
		"proxy": {proxy, join(zoe, secret), 200,
			`"name":"zoe","role":"viewer","open":false,"logout_url":"https://auth.example.org/logout"`},
		"groups": {proxy, join(lab, secret), 200, `"name":"tim","role":"operator"`},
		"groups of Authentik": {proxy, join([]string{"Remote-User", "tim", "Remote-Groups", "x|lab"}, secret), 200,
			`"role":"operator"`}, "on this host": {"127.0.0.1", join(zoe, secret), 200, `"name":"zoe"`},
		"no secret":               {proxy, zoe, 401, ""},
		"no secret, on this host": {"127.0.0.1", zoe, 401, ""},
		"wrong secret":            {proxy, join(zoe, []string{webauth.HeaderProxySecret, proxySecret + "x"}), 401, ""},
		"empty secret":            {proxy, join(zoe, []string{webauth.HeaderProxySecret, ""}), 401, ""},
		"two secrets":             {proxy, join(zoe, secret, []string{webauth.HeaderProxySecret, "x"}), 401, ""},
		"client with the secret":  {stranger, join(zoe, secret), 401, ""},
		"stranger":                {stranger, zoe, 401, ""},
		"stranger forwarded":      {stranger, join(zoe, secret, []string{"X-Forwarded-For", proxy}), 401, ""},
		"two users":               {proxy, join(zoe, []string{"Remote-User", "tim"}, secret), 401, "more than one user"},
		"two lines of groups":     {proxy, join(lab, []string{"Remote-Groups", "y"}, secret), 401, "more than once"},
		"two users in one":        {proxy, join([]string{"Remote-User", "zoe,tim"}, secret), 403, "mapping add"},
		"no user": {proxy, join([]string{"Remote-User", "", "Remote-Groups", "lab"}, secret), 401,
			"log in at /login"}, "unset, by Apache": {proxy, join([]string{"Remote-User", "(null)"}, secret), 401,
			"log in at /login"},
		"unset, by Caddy": {proxy, join([]string{"Remote-User", "{http.reverse_proxy.header.Remote-User}"}, secret),
			401, "log in at /login"}, "groups only": {proxy, join([]string{"Remote-Groups", "lab"}, secret), 401,
			"log in at /login"},
		"other header":          {proxy, join([]string{"X-Remote-User", "zoe"}, secret), 401, "log in at /login"},
		"underscore":            {proxy, join([]string{"Remote_User", "zoe"}, secret), 401, "log in at /login"},
		"no mapping":            {proxy, join([]string{"Remote-User", "eve"}, secret), 403, "mapping add"},
		"namesake of the admin": {proxy, join([]string{"Remote-User", "root"}, secret), 403, "mapping add"},
		"before Authorization": {proxy, join(zoe, secret, []string{"Authorization", "Bearer " + g.rootToken}), 200,
			`"name":"zoe"`}, "token without headers": {proxy, []string{"Authorization", "Bearer " + g.rootToken}, 200,
			`"name":"root"`},
		"token beside forged words": {stranger, join(zoe, []string{"Authorization", "Bearer " + g.annaToken}), 200,
			`"name":"anna"`},
	} {
		if w := g.sendFrom(test.address, http.MethodGet, "/api/v1/me", test.header...); w.Code != test.status ||
			!strings.Contains(w.Body.String(), test.body) {
			t.Errorf("%s: %d %s, want %d and %s", name, w.Code, w.Body, test.status, test.body)
		}
	}
	for camera, want := range map[string]int{"porch": 200, "yard": 404} {
		if w := g.sendFrom(proxy, http.MethodPost, "/api/v1/cameras/"+camera+"/controls",
			join(lab, secret)...); w.Code != want {
			t.Errorf("controls of %s: %d %s, want %d", camera, w.Code, w.Body, want)
		}
	}
	if w := g.sendFrom(proxy, http.MethodPost, "/api/v1/cameras/porch/controls",
		join(lab, secret, []string{"Origin", "https://evil.example"})...); w.Code != 403 {
		t.Errorf("a page of another origin: %d %s", w.Code, w.Body)
	}
	if !secretLog.says("by=proxy") || !secretLog.says("audit=proxy user=zoe") {
		t.Error("audit lines are missing")
	}
}

// TestProxyWithoutSecret: if the operator accepts the address alone, the proxy needs no secret. Other addresses stay
// untrusted.
func TestProxyWithoutSecret(t *testing.T) {
	g := newProxyFixture(t, true)
	for address, want := range map[string]int{"10.0.0.2": 200, "192.0.2.66": 401} {
		if w := g.sendFrom(address, http.MethodGet, "/api/v1/me", "Remote-User", "zoe"); w.Code != want {
			t.Errorf("%s: %d %s", address, w.Code, w.Body)
		}
	}
}

// TestProxyStreamEnds removes a mapping: the stream of its user ends.
func TestProxyStreamEnds(t *testing.T) {
	g := newProxyFixture(t, false)
	c := g.stream("/cam/porch.mjpeg",
		"Remote-User: tim\r\nRemote-Groups: lab\r\n"+webauth.HeaderProxySecret+": "+proxySecret+"\r\n\r\n")
	g.edit(func(d *credstore.File) error { return d.RemoveMapping("group:lab") })
	c.ends()
}
