package httpapi

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/shared/frame"
)

// believing returns trusted proxies.
func believing(t testing.TB, list ...string) Proxies {
	t.Helper()
	p, err := ParseProxies(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseProxies(t *testing.T) {
	for _, bad := range []string{"", "proxy.example", "10.0.0.0/33", "none,10.0.0.1", "10.0.0.1:http", " 10.0.0.1"} {
		if _, err := ParseProxies([]string{bad}); err == nil || !strings.Contains(err.Error(), "--trusted-proxy") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := ParseProxies([]string{"none", "10.0.0.1"}); err == nil {
		t.Error("none and an address are taken together")
	}
	for _, test := range []struct {
		list    string
		address string
		want    bool
	}{
		{"", "127.0.0.1", true}, {"", "127.9.9.9", true}, {"", "::1", true}, {"", "::ffff:127.0.0.1", true},
		{"", "10.0.0.5", false}, {"", "pipe", false}, {"", "@", false}, {"none", "127.0.0.1", false},
		{"10.0.0.5", "10.0.0.5", true}, {"10.0.0.5", "::ffff:10.0.0.5", true}, {"10.0.0.5", "10.0.0.6", false},
		{"10.0.0.5", "127.0.0.1", false}, {"10.0.0.0/28 2001:db8::/64", "10.0.0.15", true},
		{"10.0.0.0/28 2001:db8::/64", "10.0.0.16", false}, {"2001:db8::/64", "2001:db8::7", true},
		{"::ffff:10.0.0.5", "10.0.0.5", true}, {"fe80::1", "fe80::1%eth0", true},
	} {
		if got := believing(t, strings.Fields(test.list)...).trust(test.address); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// Only trusted proxies determine a client's address. An address that the client wrote itself stands before that.
func TestAddressOf(t *testing.T) {
	for _, test := range []struct{ proxies, remote, forwarded, want string }{
		{"", "192.0.2.7:0", "", "192.0.2.7"},
		{"", "192.0.2.7:0", "198.51.100.1", "192.0.2.7"},
		{"", "127.0.0.1:0", "", "127.0.0.1"},
		{"", "127.0.0.1:0", "198.51.100.1", "198.51.100.1"},
		{"", "127.0.0.1:0", "nonsense", "127.0.0.1"},
		{"", "127.0.0.1:0", "198.51.100.1, nonsense", "127.0.0.1"},
		{"", "127.0.0.1:0", "::ffff:192.0.2.9", "192.0.2.9"},
		{"", "127.0.0.1:0", "[2001:db8::1]:4711", "2001:db8::1"},
		{"", "127.0.0.1:0", "192.0.2.9:4711", "192.0.2.9"},
		{"", "[::1]:0", "203.0.113.5, 198.51.100.1", "198.51.100.1"},
		{"", "127.0.0.1:0", "198.51.100.1, 127.0.0.1", "198.51.100.1"}, // two proxies on this host
		{"", "127.0.0.1:0", "127.0.0.1", "127.0.0.1"},
		{"", "pipe", "192.0.2.9", "pipe"},
		{"none", "127.0.0.1:0", "198.51.100.1", "127.0.0.1"},
		{"10.0.0.5", "127.0.0.1:0", "198.51.100.1", "127.0.0.1"},
		{"10.0.0.5", "10.0.0.5:0", "203.0.113.5, 198.51.100.1", "198.51.100.1"},
		{"10.0.0.5 10.0.0.6", "10.0.0.5:0", "203.0.113.5, 198.51.100.1, 10.0.0.6", "198.51.100.1"},
		{"10.0.0.5", "10.0.0.5:0", "203.0.113.5, 198.51.100.1, 10.0.0.6", "10.0.0.6"},
		{"10.0.0.5", "10.0.0.5:0", "203.0.113.5|198.51.100.1", "198.51.100.1"}, // two headers
		{"10.0.0.5", "10.0.0.5:0", "203.0.113.5," + strings.Repeat("10.0.0.5,", maxHops) + "10.0.0.5", "10.0.0.5"},
	} {
		s := &Server{cfg: Config{Proxies: believing(t, strings.Fields(test.proxies)...)}}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.remote
		if test.forwarded != "" {
			r.Header["X-Forwarded-For"] = strings.Split(test.forwarded, "|")
		}
		if got := s.addressOf(r); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// from makes the rig's client connect from another address of this host.
func (r *rig) from(address string) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	r.client.Transport.(*http.Transport).DialContext = dialer.DialContext
}

// A proxy's headers from an untrusted address are ignored. X-Forwarded-Prefix does not bypass a proxy's path rules,
// cookies keep the hub's own path and scheme, and the page stays one of another origin.
func TestUntrustedProxy(t *testing.T) {
	r := newRig(t, stream.Config{}, func(s *Server) { s.cfg.Proxies = believing(t, "127.0.0.2") })
	r.camera("desk", frame.JPEG).picture()
	for address, shown := range map[string]bool{"127.0.0.1": false, "127.0.0.2": true} {
		r.from(address)
		resp, body := r.do(http.MethodGet, "/cam/metrics", "X-Forwarded-Prefix", "/cam")
		if strings.Contains(string(body), "bramble_hub_") != shown {
			t.Errorf("from %s: %s %.100s", address, resp.Status, body)
		}
		r.client.CloseIdleConnections()
	}
	g := newGuarded(t, func(s *Server) { s.cfg.Proxies = believing(t, "127.0.0.2") })
	values := url.Values{"user": {"anna"}, "password": {annaPassword}}
	says := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/sub", "X-Forwarded-Host", "cams.example"}
	resp, _ := g.form("/login", values, says...)
	cookie := resp.Cookies()[0]
	told.hide("session", cookie.Value)
	if cookie.Secure || cookie.Path != "/" {
		t.Errorf("the cookie of a client that is no proxy: secure %v, path %s", cookie.Secure, cookie.Path)
	}
	if resp, _ := g.form("/login", values, append(says, "Origin", "https://cams.example")...); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign origin that names itself in X-Forwarded-Host: %s", resp.Status)
	}
	g.from("127.0.0.2")
	g.client.CloseIdleConnections()
	resp, _ = g.form("/login", values, append(says, "Origin", "https://cams.example")...)
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("from the proxy: %s", resp.Status)
	}
	cookie = resp.Cookies()[0]
	told.hide("session", cookie.Value)
	if !cookie.Secure || cookie.Path != "/sub/" {
		t.Errorf("the cookie of a client behind a proxy: secure %v, path %s", cookie.Secure, cookie.Path)
	}
}

// Untrusted headers are removed, so that no code can use them. The log names the remedy, once.
func TestUntrustedHeaders(t *testing.T) {
	s := newHouse(t, stream.Config{}).srv
	s.cfg.Proxies = believing(t, "10.0.0.5")
	var log strings.Builder
	s.untrusted = untrusted{slog.New(slog.NewTextHandler(&log, nil)), loglimit.New(loglimit.Notices())}
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
		c := s.echo.NewContext(r, httptest.NewRecorder())
		if err := s.checkProxies(s.health)(c); err != nil {
			t.Fatal(err)
		}
		if len(c.Request().Header) != left || !isProxied(c) {
			t.Errorf("from %s: %v are left, proxied %v", remote, c.Request().Header, isProxied(c))
		}
	}
	if said := log.String(); strings.Count(said, "X-Forwarded-For is ignored") != 1 ||
		!strings.Contains(said, "--trusted-proxy 1") {
		t.Errorf("the log says %q", said)
	}
}
