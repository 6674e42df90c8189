package hub

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// published is where a container's port is published.
const published = "127.0.0.1:" + "8080"

func TestConfig(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		says   []string // in the error; none means that there is no error
	}{
		"defaults":          {func(*Config) {}, nil},
		"IPv6 loopback":     {func(c *Config) { c.HTTP, c.NATS = "[::1]:0", "[::1]:0" }, nil},
		"localhost":         {func(c *Config) { c.HTTP = "localhost:0" }, nil},
		"another loopback":  {func(c *Config) { c.HTTP = "127.1.2.3:0" }, nil},
		"no HTTP":           {func(c *Config) { c.HTTP = "" }, []string{"give --http"}},
		"HTTP without port": {func(c *Config) { c.HTTP = "127.0.0.1" }, []string{"--http", "HOST:PORT"}},
		"HTTP by name":      {func(c *Config) { c.HTTP = "example.com:0" }, []string{"--http", "IP address or localhost"}},
		"HTTP everywhere": {func(c *Config) { c.HTTP = "0.0.0.0:0" },
			[]string{"--http 0.0.0.0:0", "127.0.0.1", "--insecure"}}, "HTTP without host": {func(c *Config) { c.HTTP = ":0" },
			[]string{"--http :0", "--insecure"}},
		"HTTP on IPv6":         {func(c *Config) { c.HTTP = "[::]:0" }, []string{"--http [::]:0", "--insecure"}},
		"HTTP on the LAN":      {func(c *Config) { c.HTTP = "192.0.2.1:0" }, []string{"--http 192.0.2.1:0", "--insecure"}},
		"HTTP, insecure":       {func(c *Config) { c.HTTP, c.Insecure = "0.0.0.0:0", true }, nil},
		"NATS everywhere":      {func(c *Config) { c.NATS = "0.0.0.0:0" }, []string{"--nats 0.0.0.0:0", "--insecure"}},
		"NATS, insecure":       {func(c *Config) { c.NATS, c.Insecure = "0.0.0.0:0", true }, nil},
		"no NATS":              {func(c *Config) { c.NATS = "" }, []string{"give --nats", "--nats-url"}},
		"NATS without port":    {func(c *Config) { c.NATS = "127.0.0.1" }, []string{"--nats", "HOST:PORT"}},
		"NATS elsewhere":       {func(c *Config) { c.NATSURL, c.NATS = "nats://example.com", "0.0.0.0:0" }, nil},
		"NATS from a file":     {func(c *Config) { c.NATSConfig = "nats.conf" }, nil},
		"NATS from a file too": {func(c *Config) { c.NATSConfig, c.NATS = "nats.conf", "" }, nil},
		// The address counts unless the file names one.
		"NATS from a file, everywhere": {func(c *Config) { c.NATSConfig, c.NATS = "nats.conf", "0.0.0.0:0" },
			[]string{"--nats 0.0.0.0:0", "--insecure"}},
		"two NATS": {func(c *Config) { c.NATSURL, c.NATSConfig = "nats://example.com", "nats.conf" },
			[]string{"--nats-url", "--nats-config", "one of them"}},
		"trusted proxies":  {func(c *Config) { c.TrustedProxies = []string{"10.0.0.5", "2001:db8::/64"} }, nil},
		"no trusted proxy": {func(c *Config) { c.TrustedProxies = []string{"none"} }, nil},
		"a proxy by name": {func(c *Config) { c.TrustedProxies = []string{"proxy.example"} },
			[]string{"--trusted-proxy proxy.example", "10.0.0.5", "none"}},
		"published here": {func(c *Config) { c.HTTP, c.HTTPPublished = "0.0.0.0:0", published }, nil},
		"published everywhere": {func(c *Config) { c.HTTPPublished = "0.0.0.0:0" },
			[]string{"--http-published 0.0.0.0:0", "bramble-hub user add", "--insecure"}},
		"published nowhere": {func(c *Config) { c.HTTPPublished = "8080" },
			[]string{"--http-published", "HOST:PORT"}},
		"own names": {func(c *Config) { c.AllowHosts = []string{"cams.example.org", "*.example.net", "*"} },
			nil},
		"a URL for a name": {func(c *Config) { c.AllowHosts = []string{"http://cams.example.org"} },
			[]string{"--allow-host http://cams", "without scheme"}},
		"negative linger": {func(c *Config) { c.Linger = -time.Second }, []string{"--linger -1s", "10s"}},
		"negative write timeout": {func(c *Config) { c.WriteTimeout = -time.Second },
			[]string{"--write-timeout -1s", "10s"}},
		"a certificate without key": {func(c *Config) { c.TLSCert = "hub.pem" },
			[]string{"--tls-cert", "--tls-key", "belong together"}},
		"a key without certificate": {func(c *Config) { c.TLSKey = "hub.key" },
			[]string{"--tls-cert", "--tls-key", "belong together"}},
		"no such certificate": {func(c *Config) { c.TLSCert, c.TLSKey = "no.pem", "no.key" },
			[]string{"--tls-cert no.pem", "PEM"}},
		"a NATS certificate alone": {func(c *Config) { c.NATSTLSCert = "hub.pem" },
			[]string{"--nats-tls-cert", "--nats-tls-key", "belong together"}},
		"no such NATS certificate": {func(c *Config) { c.NATSTLSCert, c.NATSTLSKey = "no.pem", "no.key" },
			[]string{"--nats-tls-cert no.pem", "bramble-hub cert"}},
		"its certificate elsewhere": {func(c *Config) {
			c.NATSURL, c.NATSTLSCert, c.NATSTLSKey = "tls://example.com",
				"no.pem", "no.key"
		}, []string{"--nats-tls-cert", "--nats-url", "leave them out"}},
		"a pin of its own NATS": {func(c *Config) { c.NATSTrust.Fingerprints = []string{"sha256:00"} },
			[]string{"--nats-tls-fingerprint", "--nats-url"}}, "a bad pin": {func(c *Config) {
			c.NATSURL, c.NATSTrust = "tls://example.com", tlstrust.Settings{Fingerprints: []string{"sha256:00"},
				Prefix: "nats-tls"}
		}, []string{"--nats-tls-fingerprint", "64 hexadecimal digits"}},
		"subject root":          {func(c *Config) { c.SubjectRoot = "site.cam" }, nil},
		"bad subject root":      {func(c *Config) { c.SubjectRoot = "a b" }, []string{`"a b"`, "tokens"}},
		"wildcard subject root": {func(c *Config) { c.SubjectRoot = ">" }, []string{`">"`}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0"}
			test.change(&cfg)
			h, err := New(cfg)
			if (err == nil) != (test.says == nil) || (h == nil) != (err != nil) {
				t.Fatalf("New: %v", err)
			}
			for _, part := range test.says {
				if !strings.Contains(setting.Flags(err), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

// With users HTTP asks who comes, and may be reached by others. Agents alone let NATS be reached, and not the page.
func TestReach(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	everywhere := Config{HTTP: "0.0.0.0:0", NATS: "0.0.0.0:0", Credentials: file}
	says := func(parts ...string) {
		t.Helper()
		_, err := New(everywhere)
		if (err == nil) != (parts == nil) {
			t.Fatal(err)
		}
		for _, part := range parts {
			if !strings.Contains(setting.Flags(err), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
	says("--http 0.0.0.0:0", "bramble-hub user add NAME", "--insecure")
	err := credstore.Edit(file,
		func(d *credstore.File) error { _, err := d.AddAgent("porch", []string{"porch"}); return err })
	if err != nil {
		t.Fatal(err)
	}
	says("--http 0.0.0.0:0", "bramble-hub user add NAME", "--insecure")
	err = credstore.Edit(file, func(d *credstore.File) error {
		return d.AddUser("anna", permission.Viewer, []string{"*"}, "correct horse battery staple")
	})
	if err != nil {
		t.Fatal(err)
	}
	says()
	everywhere.Limits.PerCamera = -1
	says("--max-viewers-per-camera", "0 for no limit")
}

// TestInsecureHost: --insecure admits other hosts, but no page whose name was made to point here.
func TestInsecureHost(t *testing.T) {
	page, _, _ := start(t, Config{Insecure: true, AllowHosts: []string{"cams.example.org"}})
	for host, want := range map[string]int{"": 200, "cams.example.org": 200, "evil.example": 421,
		"wall.evil.example": 421} {
		for _, path := range []string{"api/v1/cameras", "api/v1/cameras/porch/controls", "cam/porch.jpeg"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page+"/"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close() // the status is what counts
			if refused := resp.StatusCode == 421; refused != (want == 421) {
				t.Errorf("%s of %q: %s", path, host, resp.Status)
			}
		}
	}
}

// TestPublished: in a container the hub listens on all addresses. If it is published on this host's loopback addresses,
// it needs no user and answers to their names only.
func TestPublished(t *testing.T) {
	h, err := New(Config{HTTP: "0.0.0.0:0", HTTPPublished: published, NATS: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, h.Run)
	addr, _, err := h.WaitStarted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{published: 200, "localhost": 200, "192.0.2.7": 421, "hub": 421} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/api/v1/hub", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // it was only read
		if resp.StatusCode != want || want == 200 && !strings.Contains(string(text), `"http":{"loopback":true}`) {
			t.Errorf("%s: %s %s", host, resp.Status, text)
		}
	}
	if page := h.Page(); page != "http://"+published+"/" {
		t.Errorf("the page is at %s", page)
	}
}

// A hub with a user asks who comes.
func TestUsers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	err := credstore.Edit(file, func(d *credstore.File) error {
		return d.AddUser("anna", permission.Viewer, []string{"*"}, "correct horse battery staple")
	})
	if err != nil {
		t.Fatal(err)
	}
	page, _, _ := start(t, Config{Credentials: file})
	for path, want := range map[string]int{"/api/v1/cameras": http.StatusUnauthorized, "/healthz": http.StatusOK} {
		if code, body := get(t, page+path); code != want {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if code, body := get(t, strings.Replace(page, "://", "://anna:correct%20horse%20battery%20staple@", 1)+
		"/api/v1/cameras"); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
}
