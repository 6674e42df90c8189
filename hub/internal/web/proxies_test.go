package web

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/shared/frame"
)

// trusting returns proxies that trust the list.
func trusting(t testing.TB, list ...string) trustedproxy.Proxies {
	t.Helper()
	p, err := trustedproxy.Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// from makes the fixture's client connect from another address of this host.
func (r *fixture) from(address string) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	r.client.Transport.(*http.Transport).DialContext = dialer.DialContext
}

// TestUntrustedProxy: a proxy's headers from an untrusted address are ignored. X-Forwarded-Prefix does not bypass a
// proxy's path rules, cookies keep the hub's own path and scheme, and the page stays one of another origin.
func TestUntrustedProxy(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.cfg.Proxies = trusting(t, "127.0.0.2"); s.compose() })
	r.camera("desk", frame.JPEG).picture()
	for address, shown := range map[string]bool{"127.0.0.1": false, "127.0.0.2": true} {
		r.from(address)
		resp, body := r.do(http.MethodGet, "/cam/metrics", "X-Forwarded-Prefix", "/cam")
		if strings.Contains(string(body), "bramble_hub_") != shown {
			t.Errorf("from %s: %s %.100s", address, resp.Status, body)
		}
		r.client.CloseIdleConnections()
	}
	g := newAuthFixture(t, func(s *Server) { s.cfg.Proxies = trusting(t, "127.0.0.2"); s.compose() })
	values := url.Values{"user": {"anna"}, "password": {annaPassword}}
	says := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/sub", "X-Forwarded-Host", "cams.example"}
	resp, _ := g.form("/login", values, says...)
	cookie := resp.Cookies()[0]
	secretLog.hide("session", cookie.Value)
	if cookie.Secure || cookie.Path != "/" {
		t.Errorf("the cookie of a client that is no proxy: secure %v, path %s", cookie.Secure, cookie.Path)
	}
	if resp, _ := g.form("/login", values,
		append(says, "Origin", "https://cams.example")...); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign origin that names itself in X-Forwarded-Host: %s", resp.Status)
	}
	g.from("127.0.0.2")
	g.client.CloseIdleConnections()
	resp, _ = g.form("/login", values, append(says, "Origin", "https://cams.example")...)
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("from the proxy: %s", resp.Status)
	}
	cookie = resp.Cookies()[0]
	secretLog.hide("session", cookie.Value)
	if !cookie.Secure || cookie.Path != "/sub/" {
		t.Errorf("the cookie of a client behind a proxy: secure %v, path %s", cookie.Secure, cookie.Path)
	}
}

// TestUntrustedHeaders: untrusted headers are removed, so that no code can use them. The log names the remedy, once.
func TestUntrustedHeaders(t *testing.T) {
	var log strings.Builder
	clean := cleanProxyHeaders(trusting(t, "10.0.0.5"), slog.New(slog.NewTextHandler(&log, nil)))
	names := []string{
		"Forwarded", "Via", "X-Real-Ip", "X-Url-Scheme", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
		"X-Forwarded-Prefix", "X-Forwarded-Port", "X-Forwarded-Ssl", "X-Forwarded-User",
	}
	for remote, left := range map[string]int{"10.0.0.5:1": len(names), "10.0.0.6:1": 0, "127.0.0.1:1": 0} {
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.RemoteAddr = remote
		for _, name := range names {
			r.Header.Set(name, "x")
		}
		c := echo.New().NewContext(r, httptest.NewRecorder())
		if err := clean(func(echo.Context) error { return nil })(c); err != nil {
			t.Fatal(err)
		}
		if len(c.Request().Header) != left || !isProxied(c) {
			t.Errorf("from %s: %v are left, proxied %v", remote, c.Request().Header, isProxied(c))
		}
	}
	if output := log.String(); strings.Count(output, "X-Forwarded-For is ignored") != 1 ||
		!strings.Contains(output, "trusted-proxy 1") {
		t.Errorf("the log says %q", output)
	}
}
