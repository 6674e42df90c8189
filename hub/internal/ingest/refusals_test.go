package ingest

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/shared/subject"
	"github.com/bramble-cam/bramble/shared/testkit"
	"github.com/bramble-cam/bramble/shared/trust"
)

// A hub that does not trust a NATS system elsewhere says why at once, and trusts one that has the right key.
func TestTrust(t *testing.T) {
	cert, other := testkit.NewCert(t, nil, nil), testkit.NewCert(t, nil, nil)
	url := "tls://" + testkit.StartServer(t, server.Options{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert.Certificate}}}).Addr().String()
	pin := func(c *testkit.Cert) trust.Settings {
		return trust.Settings{Fingerprints: []string{trust.Fingerprint(c.Leaf)}, Flags: "--nats-tls"}
	}
	var said bytes.Buffer
	in, err := Dial(url, subject.Space{}, pin(other), slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	for _, part := range []string{"does not trust", "--nats-url", "--nats-tls-fingerprint " + trust.Fingerprint(cert.Leaf)} {
		if !strings.Contains(said.String(), part) {
			t.Errorf("said %q, want %q", said.String(), part)
		}
	}
	if in, err = Dial(url, subject.Space{}, pin(cert), testkit.Log(t)); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	testkit.Eventually(t, "it is connected", in.Connected)
	if in, err := Dial(url, subject.Space{}, trust.Settings{Fingerprints: []string{"x"}, Flags: "--nats-tls"}, testkit.Log(t)); err == nil {
		in.Close()
		t.Error("a pin that is none is taken")
	}
}
