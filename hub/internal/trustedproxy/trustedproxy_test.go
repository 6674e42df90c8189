package trustedproxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
)

// trusting returns trusted proxies.
func trusting(t testing.TB, list ...string) trustedproxy.Proxies {
	t.Helper()
	p, err := trustedproxy.Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"", "proxy.example", "10.0.0.0/33", "none,10.0.0.1", "10.0.0.1:http", " 10.0.0.1"} {
		if _, err := trustedproxy.Parse([]string{bad}); err == nil || !strings.Contains(err.Error(), "10.0.0.0/28") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := trustedproxy.Parse([]string{"none", "10.0.0.1"}); err == nil {
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
		if got := trusting(t, strings.Fields(test.list)...).Trusts(test.address); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// Only trusted proxies determine a client's address. An address that the client wrote itself stands before that.
func TestClientAddr(t *testing.T) {
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
		{"10.0.0.5", "10.0.0.5:0", "203.0.113.5," + strings.Repeat("10.0.0.5,", 16) + "10.0.0.5", "10.0.0.5"},
	} {
		p := trusting(t, strings.Fields(test.proxies)...)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.remote
		if test.forwarded != "" {
			r.Header["X-Forwarded-For"] = strings.Split(test.forwarded, "|")
		}
		if got := p.ClientAddr(r); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// TestHeaders: of a header that clients and proxies write, the last value counts, and only from a trusted proxy.
func TestHeaders(t *testing.T) {
	p := trusting(t, "10.0.0.5")
	for remote, trusted := range map[string]bool{"10.0.0.5:1": true, "10.0.0.6:1": false} {
		r := httptest.NewRequest(http.MethodGet, "http://hub/", nil)
		r.RemoteAddr = remote
		r.Header["X-Forwarded-Proto"] = []string{"http", "http, HTTPS"}
		r.Header["X-Forwarded-Host"] = []string{"evil.example, cams.example"}
		r.Header["X-Forwarded-Prefix"] = []string{"/sub/"}
		host, prefix := "hub", ""
		if trusted {
			host, prefix = "cams.example", "/sub"
		}
		if p.Sent(r) != trusted || p.OverTLS(r) != trusted || p.Host(r) != host || p.Prefix(r) != prefix {
			t.Errorf("from %s: %v, %v, %q, %q", remote, p.Sent(r), p.OverTLS(r), p.Host(r), p.Prefix(r))
		}
	}
	for _, bad := range []string{"sub", "//evil.example", "https://evil.example"} {
		r := httptest.NewRequest(http.MethodGet, "http://hub/", nil)
		r.RemoteAddr = "10.0.0.5:1"
		r.Header.Set("X-Forwarded-Prefix", bad)
		if got := p.Prefix(r); got != "" {
			t.Errorf("prefix %q becomes %q", bad, got)
		}
	}
}
