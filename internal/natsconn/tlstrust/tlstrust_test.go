package tlstrust

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/natsconn/headerlimit"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server is trusted for one of the reasons that the settings name, and for no other; what is wrong is told with the
// remedy.
func TestServers(t *testing.T) {
	t.Parallel()
	authority, other := testutil.Authority(t), testutil.Authority(t)
	signed, self := testutil.NewCert(t, authority, nil), testutil.NewCert(t, nil, nil)
	key, ok := self.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("%T", self.PrivateKey)
	}
	renewed := testutil.CertFor(t, key, nil,
		func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"hub.example.org"} })
	expired := testutil.NewCert(t, authority, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	early := testutil.NewCert(t, authority, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })
	elsewhere := testutil.NewCert(t, authority,
		func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 7)} })
	fingerprint := func(c *testutil.Cert) string { return Fingerprint(c.Leaf) }
	pin := func(list ...string) Settings { return Settings{Fingerprints: list, Prefix: "tls"} }
	ca := func(c *testutil.Cert) Settings { return Settings{CA: c.CertFile, Prefix: "tls"} }
	for name, test := range map[string]struct {
		shows *testutil.Cert // nil: no TLS
		trust Settings
		says  []string // none: it is trusted
	}{
		"pin":                           {self, pin(fingerprint(self)), nil},
		"pin in capitals, with colons":  {self, pin(colons(fingerprint(self))), nil},
		"one of two pins":               {self, pin(fingerprint(signed), fingerprint(self)), nil},
		"pin, renewed for another name": {renewed, pin(fingerprint(self)), nil},
		"pin, expired":                  {expired, pin(fingerprint(expired)), nil},
		"pin of another key": {signed, pin(fingerprint(self)), []string{fingerprint(signed), "pinned is " + fingerprint(self),
			"--tls-fingerprint " + fingerprint(signed)}}, "pin of its authority": {signed, pin(fingerprint(authority)),
			[]string{"pinned is " + fingerprint(authority)}},
		"pin without TLS":     {nil, pin(fingerprint(self)), []string{"no TLS", "--nats-tls-cert", "nats://"}},
		"authority":           {signed, ca(authority), nil},
		"its own certificate": {self, ca(self), nil},
		"another authority": {signed, ca(other), []string{"not signed by an authority in " + other.CertFile,
			"--tls-fingerprint " + fingerprint(signed)}},
		"authority, expired": {expired, ca(authority),
			[]string{"clock", expired.Leaf.NotAfter.UTC().Format(time.RFC3339), "renew"}},
		"authority, not good yet": {early, ca(authority),
			[]string{"clock", early.Leaf.NotBefore.UTC().Format(time.RFC3339)}},
		"authority, another host": {elsewhere, ca(authority),
			[]string{"192.0.2.7", "not for 127.0.0.1", "--tls-fingerprint " + fingerprint(elsewhere)}},
		"authority without TLS": {nil, ca(authority), []string{"no TLS"}},
		"nothing, and an unknown authority": {self, Settings{Prefix: "tls"}, []string{"unknown authority", "--tls-ca FILE",
			"--tls-fingerprint " + fingerprint(self)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := server.Options{}
			if test.shows != nil {
				opts.TLSConfig = &tls.Config{Certificates: []tls.Certificate{test.shows.Certificate}}
			}
			s := testutil.StartServer(t, opts)
			options, err := test.trust.Options()
			if err != nil {
				t.Fatal(err)
			}
			url := "nats://" + s.Addr().String()
			tell(t, s, url, test.trust, test.says, options)
			tell(t, s, url, test.trust, test.says, append(headerlimit.Options(url, net.Dialer{}, test.trust), options...))
		})
	}
}

// tell connects, and compares what is said of that.
func tell(t *testing.T, s *server.Server, url string, trust Settings, says []string, options []nats.Option) {
	t.Helper()
	closed := make(chan struct{})
	nc, err := nats.Connect(url, append(options, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	if err == nil {
		if z, err := s.Connz(nil); err != nil || len(z.Conns) != 1 || z.Conns[0].TLSVersion == "" {
			t.Errorf("it is not encrypted: %+v, %v", z, err)
		}
		nc.Close()
		<-closed
		testutil.Eventually(t, "the connection is gone", func() bool { return s.NumClients() == 0 })
	}
	what, remedy := trust.Explain(err)
	if (err == nil) != (says == nil) || (what == "") != (err == nil) {
		t.Fatalf("%v: %q, %q", err, what, remedy)
	}
	for _, part := range says {
		if !strings.Contains(what+"; "+setting.Flags(remedy), part) {
			t.Errorf("%q; %q: want %q", what, remedy, part)
		}
	}
}

// colons writes a fingerprint as openssl does.
func colons(fingerprint string) string {
	var pairs []string
	for text := strings.ToUpper(strings.TrimPrefix(fingerprint, prefix)); text != ""; text = text[2:] {
		pairs = append(pairs, text[:2])
	}
	return strings.Join(pairs, ":")
}

func TestOptions(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk.pem")
	testutil.WriteFile(t, junk, []byte("hello"))
	digits := strings.Repeat("ab", 32)
	for name, test := range map[string]struct {
		Settings
		says string
	}{
		"both":         {Settings{CA: junk, Fingerprints: []string{digits}}, "--tls-ca, --tls-fingerprint: give one"},
		"no file":      {Settings{CA: junk + "2"}, "--tls-ca"},
		"no PEM":       {Settings{CA: junk}, "BEGIN CERTIFICATE"},
		"short":        {Settings{Fingerprints: []string{digits[2:]}}, "64 hexadecimal digits"},
		"no digits":    {Settings{Fingerprints: []string{digits[2:] + "xy"}}, "64 hexadecimal digits"},
		"another hash": {Settings{Fingerprints: []string{"sha1:" + digits}}, "64 hexadecimal digits"},
		"second one":   {Settings{Fingerprints: []string{digits, ""}}, `--tls-fingerprint ""`},
	} {
		test.Prefix = "tls"
		if options, err := test.Options(); options != nil || err == nil || !strings.Contains(setting.Flags(err), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	if options, err := (Settings{}).Options(); options != nil || err != nil || !(Settings{}).IsZero() {
		t.Errorf("nothing: %v, %v", options, err)
	}
	if what, _ := (Settings{}).Explain(nats.ErrTimeout); what != "" {
		t.Errorf("a timeout: %q", what)
	}
}
