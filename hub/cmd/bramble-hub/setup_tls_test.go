package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// host is a folder with a hub's files.
type host struct {
	t                 *testing.T
	file, credentials string
}

func newHost(t *testing.T, text string) host {
	dir := t.TempDir()
	h := host{t, filepath.Join(dir, "etc", "hub.yaml"), filepath.Join(dir, "state", "credentials.json")}
	if text != "" {
		if err := os.Mkdir(filepath.Dir(h.file), 0o700); err != nil {
			t.Fatal(err)
		}
		testutil.WriteFile(t, h.file, []byte(text))
	}
	return h
}

// setup runs the program. It returns the program's output and the settings of the file after that.
func (h host) setup(args ...string) (page, said string, s settings) {
	h.t.Helper()
	args = append([]string{"setup", "anna", "--password-stdin", "--no-start", "--config", h.file}, args...)
	page, said, code := command(h.t, h.credentials, testPassword+"\n", args...)
	if code != 0 {
		h.t.Fatalf("exit code %d, said %s", code, said)
	}
	return page, said, parse(h.t, "--config="+h.file).settings
}

// run starts a hub with the settings of the file.
func (h host) run() (natsURL string, stop func()) {
	h.t.Helper()
	s := parse(h.t, "--config="+h.file).settings
	cfg, err := s.hub(testutil.Log(h.t))
	if err != nil {
		h.t.Fatal(err)
	}
	cfg.Credentials = h.credentials
	hb, err := hub.New(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	stop = testutil.Run(h.t, hb.Run)
	ctx, cancel := context.WithTimeout(h.t.Context(), testutil.Timeout)
	defer cancel()
	if _, natsURL, err = hb.WaitStarted(ctx); err != nil {
		h.t.Fatal(err)
	}
	return natsURL, stop
}

// connect connects as the agent with the seed.
func connect(t *testing.T, url, seed string, s tlstrust.Settings) error {
	t.Helper()
	cred, err := credential.Parse(secret.Text(seed))
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := s.Options()
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	nc, err := nats.Connect(
		url,
		append(
			append(trusted, cred.Options()...),
			nats.NoReconnect(),
			nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		)...)
	if err == nil {
		nc.Close()
		<-closed
	}
	return err
}

// TestSetupKeepsAgents: setup on a hub with agents without TLS does not disconnect them, and warns. --tls prints what
// to do on their hosts, after which they reconnect.
func TestSetupKeepsAgents(t *testing.T) {
	h := newHost(t, "http: 127.0.0.1:0\nnats: 127.0.0.1:0\n")
	_, said, s := h.setup("--no-tls")
	if s.TLSCert+s.TLSKey+s.NATSTLSCert+s.NATSTLSKey != "" || s.HTTP != "0.0.0.0:0" || strings.Contains(said, "TLS") {
		t.Errorf("--no-tls: %+v, said %s", s, said)
	}
	if left, err := os.ReadDir(filepath.Dir(h.credentials)); err != nil || len(left) != 2 { // and the lock
		t.Errorf("--no-tls has left %v, %v", left, err)
	}
	_, seed, _ := strings.Cut(
		strings.TrimSpace(do(t, h.credentials, "", "agent", "add", "porch", "--config="+h.file)),
		"\n",
	)
	for range 2 {
		page, said, s := h.setup()
		if s.NATSTLSCert != "" || s.TLSCert != "" || !strings.HasPrefix(page, "http://") ||
			strings.Count(said, "setup --tls") != 2 ||
			!strings.Contains(said, "known=[porch]") {
			t.Errorf("again: %s, said %s", page, said)
		}
		url, stop := h.run()
		if err := connect(t, url, seed, tlstrust.Settings{Prefix: "tls"}); err != nil {
			t.Errorf("the agent is cut off: %v", err)
		}
		stop()
	}
	page, said, s := h.setup("--tls")
	pin, _ := fingerprintOf(t, s.NATSTLSCert, s.NATSTLSKey)
	line := " --tls-fingerprint " + pin + " --token-file /etc/bramble/agent.credential"
	if s.NATSTLSCert != s.TLSCert || !strings.HasPrefix(page, "https://") ||
		!strings.Contains(said, "sudo bramble-agent join tls://") ||
		!strings.Contains(said, line) {
		t.Errorf("--tls: %s, said %s", page, said)
	}
	url, stop := h.run()
	defer stop()
	if err := connect(t, url, seed, tlstrust.Settings{Prefix: "tls"}); err == nil {
		t.Error("NATS has no TLS, or an agent trusts a foreign server")
	}
	if err := connect(t, url, seed, tlstrust.Settings{Fingerprints: []string{pin}, Prefix: "tls"}); err != nil {
		t.Errorf("the agent does not come back: %v", err)
	}
}

// TestSetupTLS: addresses that setup opens get a certificate, unless the operator chose otherwise.
func TestSetupTLS(t *testing.T) {
	own := testutil.NewCert(t, testutil.Authority(t), nil)
	for name, test := range map[string]struct {
		file     string
		agent    bool
		args     []string
		web, bus string // the file of the certificate: made, own or ""
		says     []string
	}{
		"nothing yet":         {"", false, nil, "made", "made", []string{"certificate made", "certificate_sha256"}},
		"agents of this host": {"http: 127.0.0.1:0\n", true, nil, "made", "", []string{"known=[porch]"}},
		"an own certificate":  {"tls-cert: OWN\ntls-key: KEY\n", false, nil, "own", "made", nil},
		"own ones": {"tls-cert: OWN\ntls-key: KEY\nnats-tls-cert: OWN\nnats-tls-key: KEY\n", true,
			[]string{"--tls"}, "own", "own", nil}, "NATS elsewhere": {"nats-url: nats://example.com\n", false, []string{"--tls"},
			"made", "", nil},
		"the owner's addresses": {"http: 192.0.2.1:0\nnats: 192.0.2.1:0\n", false, nil, "", "",
			[]string{"the page has no TLS", "NATS has no TLS"}},
		"those, but with --tls":  {"http: 192.0.2.1:0\nnats: 192.0.2.1:0\n", false, []string{"--tls"}, "made", "made", nil},
		"a page behind a proxy":  {"", false, []string{"--no-tls"}, "", "", nil},
		"only the page is open":  {"http: 0.0.0.0:0\n", false, nil, "", "made", []string{"the page has no TLS"}},
		"only NATS is open":      {"nats: 0.0.0.0:0\n", false, nil, "made", "", []string{"NATS has no TLS"}},
		"all are known, no more": {"nats: 0.0.0.0:0\n", true, nil, "made", "", []string{"NATS has no TLS"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, strings.NewReplacer("OWN", own.CertFile, "KEY", own.KeyFile).Replace(test.file))
			if test.agent {
				do(t, h.credentials, "", "agent", "add", "porch")
			}
			page, said, s := h.setup(test.args...)
			made := filepath.Join(filepath.Dir(h.credentials), "hub.pem")
			for want, got := range map[string]string{"the page's " + test.web: s.TLSCert, "NATS' " + test.bus: s.NATSTLSCert} {
				if got != map[string]string{"made": made, "own": own.CertFile}[want[strings.LastIndex(want, " ")+1:]] {
					t.Errorf("%s certificate is %q", want, got)
				}
			}
			if strings.HasPrefix(page, "https://") != (test.web != "") {
				t.Errorf("printed %s", page)
			}
			for _, part := range test.says {
				if !strings.Contains(said, part) {
					t.Errorf("said %s: want %q", said, part)
				}
			}
			if test.says == nil && strings.Contains(said, "no TLS") {
				t.Errorf("said %s", said)
			}
			if _, again, second := h.setup(test.args...); second.TLSCert != s.TLSCert ||
				second.NATSTLSCert != s.NATSTLSCert ||
				strings.Contains(again, "certificate made") {
				t.Errorf("the second time: %+v, said %s", second, again)
			}
		})
	}
}

// TestSetupBrokenCertificate: a broken certificate is not replaced, and the configuration file does not change.
func TestSetupBrokenCertificate(t *testing.T) {
	h := newHost(t, "http: 127.0.0.1:0\n")
	if err := os.Mkdir(filepath.Dir(h.credentials), 0o700); err != nil {
		t.Fatal(err)
	}
	testutil.WriteFile(t, filepath.Join(filepath.Dir(h.credentials), "hub.pem"), []byte("precious"))
	_, said, code := command(t, h.credentials, testPassword+"\n",
		"setup", "anna", "--password-stdin", "--no-start", "--config", h.file)
	if text, err := os.ReadFile(h.file); code != 1 || !strings.Contains(said, "hub.pem") ||
		!strings.Contains(said, "--no-tls") ||
		err != nil ||
		string(text) != "http: 127.0.0.1:0\n" {
		t.Errorf("exit code %d, said %s; the file says %s", code, said, text)
	}
}
