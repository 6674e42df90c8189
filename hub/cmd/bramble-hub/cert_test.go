package main

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// fingerprintOf returns the fingerprint of a certificate in a file, and the names it is for.
func fingerprintOf(t *testing.T, certFile, keyFile string) (fingerprint string, names []string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	return tlstrust.Fingerprint(pair.Leaf), pair.Leaf.DNSNames
}

// A certificate is made beside the credentials file, or where the hub is told that it is; what is printed is what
// agents pin.
func TestCertCommand(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "credentials.json")
	out, said, code := command(t, file, "", "cert", "--name", "hub.example.org,192.0.2.7")
	cert, key := filepath.Join(dir, "hub.pem"), filepath.Join(dir, "hub.key")
	fingerprint, names := fingerprintOf(t, cert, key)
	if code != 0 || out != fingerprint+"\n" || names[0] != "hub.example.org" {
		t.Errorf("%d, %q, %v", code, out, names)
	}
	for _, part := range []string{"audit=cert", "--nats-tls-key " + key,
		"--hub tls://hub.example.org:4222 --tls-fingerprint " + fingerprint} {
		if !strings.Contains(said, part) {
			t.Errorf("said %s: want %q", said, part)
		}
	}
	if again, _, code := command(t, file, "", "cert"); code != 0 || again != out {
		t.Errorf("renewed: %d, %q", code, again)
	}
	if other, _, code := command(t, file, "", "cert", "--new-key"); code != 0 || other == out {
		t.Errorf("with a new key: %d, %q", code, other)
	}
	elsewhere := filepath.Join(dir, "else", "where")
	out, _, code = command(t, file, "", "cert", "--tls-cert", elsewhere+".pem", "--tls-key", elsewhere+".key")
	if fingerprint, _ := fingerprintOf(t, elsewhere+".pem", elsewhere+".key"); code != 0 || out != fingerprint+"\n" {
		t.Errorf("%d, %q", code, out)
	}
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"one file":     {[]string{"--tls-cert", cert}, 1, "belong together"},
		"a URL":        {[]string{"--name", "https://hub/"}, 1, "names or addresses"},
		"of the past":  {[]string{"--expires=-1h"}, 1, "8760h"},
		"no time":      {[]string{"--expires=1"}, config.ExitConfig, "--expires"},
		"in no folder": {[]string{"--tls-cert", cert + "/x", "--tls-key", key + "/x"}, 1, "hub.pem"},
	} {
		if _, said, code := command(t, file, "", append([]string{"cert"}, test.args...)...); code != test.code ||
			!strings.Contains(said, test.says) {
			t.Errorf("%s: %d, %s", name, code, said)
		}
	}
}

// Where the hub has TLS the line with which an agent joins says how the agent knows it.
func TestAgentAddWithTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	c := testutil.NewCert(t, nil, nil)
	line := do(t, file, "", "agent", "add", "porch", "--nats=192.0.2.1:4222", "--nats-tls-cert="+c.CertFile,
		"--nats-tls-key="+c.KeyFile)
	if !strings.HasPrefix(line, "sudo bramble-agent join tls://192.0.2.1:4222 --tls-fingerprint "+
		tlstrust.Fingerprint(c.Leaf)+" --camera porch\nSU") {
		t.Errorf("printed %q", line)
	}
	pin := "sha256:" + strings.Repeat("ab", 32)
	line = do(t, file, "", "agent", "add", "garden", "--nats-url=tls://nats:4222", "--nats-tls-fingerprint="+pin)
	if !strings.Contains(line, "join tls://nats:4222 --tls-fingerprint "+pin+" ") {
		t.Errorf("printed %q", line)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out, said, code := command(t, file, "", "agent", "add", "attic", "--nats-tls-cert="+c.CertFile+"2",
		"--nats-tls-key="+c.KeyFile); code == 0 || out != "" || !strings.Contains(said, "--nats-tls-cert") {
		t.Errorf("%d, %q, %s", code, out, said)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Error("the agent was added, although the command to join was not printed")
	}
	_, said, _ := command(t, file, "", "consumer", "add", "detector", "--cameras", "porch", "--nats-tls-cert="+c.CertFile,
		"--nats-tls-key="+c.KeyFile)
	if !regexp.MustCompile(`nats sub -s tls://\S+ .*--tlsca COPY-OF-cert\.pem`).MatchString(said) {
		t.Errorf("said %s", said)
	}
}
