package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
)

func TestIsOwnHost(t *testing.T) {
	const port = "8080"
	for _, tc := range []struct {
		host            string
		want, published bool // whether it is this host, on a host and in a container
	}{
		{"127.0.0.1", true, true}, {"[::1]", true, true}, {"192.0.2.7", true, false}, {"[fe80::1%25eth0]", true, false},
		{"localhost", true, true}, {"LOCALHOST", true, true}, {"bramble.localhost", true, true}, {"", true, true},
		{"wall", true, false}, {"Wall.lab.example", true, false}, {"wall.local", true, false}, {"wall.", true, false},
		{"cams.example.org", true, true}, {"CAMS.example.org.", true, true},
		{"a.lab.example.net", true, true}, {"b.a.lab.example.net", true, true},
		{"lab.example.net", false, false}, {"evillab.example.net", false, false}, {".lab.example.net", false, false},
		{"evil.example", false, false}, {"wall.evil.example", false, false}, {"localhost.evil.example", false, false},
		{"127.0.0.1.evil.example", false, false}, {"cams.example.org.evil.example", false, false},
	} {
		for _, host := range []string{tc.host, tc.host + ":" + port} {
			allowed := []string{"Cams.example.org", "*.lab.example.net"}
			a := &authOffCheck{hostname: "wall.lab.example", allowHosts: func() []string { return allowed }}
			if got := a.isOwnHost(host); got != tc.want {
				t.Errorf("%q: %v, want %v", host, got, tc.want)
			}
			if a.published = true; a.isOwnHost(host) != tc.published {
				t.Errorf("%q, published: %v, want %v", host, !tc.published, tc.published)
			}
			if allowed = []string{"*"}; !a.isOwnHost(host) {
				t.Errorf("%q is refused by *", host)
			}
		}
	}
}

func TestValidateHosts(t *testing.T) {
	for name, ok := range map[string]bool{
		"cams.example.org": true, "*.example.org": true, "*": true, "wall": true, "192.0.2.7": true,
		"": false, "*.": false, "a*.example.org": false, "http://example.org": false, "example.org:8080": false,
		"example.org/cam": false, "*.*.example.org": false, "a b": false, "**": false,
	} {
		err := ValidateHosts([]string{"other.example.org", name})
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// answer returns the hub's answer to a request for a host with headers, from an address of this host.
func (h *testServer) answer(path, host string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Host, req.RemoteAddr = host, "127.0.0.1:1"
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.srv.ServeHTTP(rec, req)
	return rec
}

// TestOwnHost: a page that makes its name point to this host gets neither pictures nor the list of cameras. --insecure
// does not change that, nor do the headers of a proxy that the page may send.
func TestOwnHost(t *testing.T) {
	h := newTestServer(t, stream.Config{})
	h.srv.cfg.AllowHosts, h.srv.cfg.Insecure = nil, true
	h.srv.compose()
	for _, path := range []string{"/", "/ws", "/cam/desk.jpeg", "/api/v1/cameras", "/metrics", "/bramble-camera.js"} {
		for _, test := range []struct {
			host    string
			header  []string
			refused bool
		}{
			{"127.0.0.1", nil, false},
			{"evil.example", nil, true},
			{"evil.example", []string{"X-Forwarded-Host", "127.0.0.1"}, true},
			{"evil.example", []string{"X-Forwarded-Host", "localhost", "X-Forwarded-Proto", "https"}, true},
			{"127.0.0.1", []string{"X-Forwarded-Host", "evil.example"}, true}, // through a proxy that changes Host
			{"127.0.0.1", []string{"X-Forwarded-Host", "localhost"}, false},
		} {
			rec := h.answer(path, test.host, test.header...)
			if got := rec.Code == http.StatusMisdirectedRequest; got != test.refused {
				t.Errorf("%s of %s with %v: %d", path, test.host, test.header, rec.Code)
			}
			if test.refused && !strings.Contains(rec.Body.String(), "allow-host evil.example") {
				t.Errorf("%s of %s names no remedy: %s", path, test.host, rec.Body)
			}
		}
	}
}

// TestPassedOn: a hub without authentication answers only clients of this host. A request through a proxy of this host
// may come from another host, whatever the proxy's headers say.
func TestPassedOn(t *testing.T) {
	h := newTestServer(t, stream.Config{})
	h.camera("desk", frame.JPEG).picture()
	cfg := h.srv.cfg
	for _, header := range [][]string{
		{"X-Forwarded-For", "198.51.100.7"}, {"X-Forwarded-For", "127.0.0.1"}, {"X-Forwarded-Proto", "https"},
		{"X-Forwarded-Host", "localhost"}, {"X-Forwarded-Prefix", "/x"}, {"Forwarded", "for=127.0.0.1"},
		{"X-Real-IP", "127.0.0.1"}, {"Via", "1.1 proxy"},
	} {
		for name, test := range map[string]struct {
			change func(*Config)
			code   int
		}{
			"safe": {func(c *Config) { c.Insecure = false }, http.StatusForbidden},
			"safe, no proxy": {func(c *Config) { c.Insecure, c.Proxies = false, trusting(t, "none") },
				http.StatusForbidden}, "insecure": {func(*Config) {}, http.StatusOK},
			"published by a proxy": {func(c *Config) { c.Insecure, c.Published = false, true }, http.StatusOK},
			"published, not by one": {func(c *Config) { c.Insecure, c.Published, c.Proxies = false, true, trusting(t, "none") },
				http.StatusForbidden},
		} {
			h.srv.cfg = cfg
			test.change(&h.srv.cfg)
			h.srv.compose()
			rec := h.answer("/cam/desk.jpeg", "localhost", header...)
			if rec.Code != test.code || rec.Code == http.StatusForbidden &&
				!strings.Contains(rec.Body.String(), "bramble-hub user add") {
				t.Errorf("%s, %v: %d %.200s", name, header, rec.Code, rec.Body)
			}
		}
	}
	h.srv.cfg.Insecure = false
	h.srv.compose()
	if rec := h.answer("/cam/desk.jpeg", "localhost"); rec.Code != http.StatusOK {
		t.Errorf("without a proxy: %d", rec.Code)
	}
}
