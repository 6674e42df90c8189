package ingest

import (
	"crypto/tls"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// lines is a log whose lines are received.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// A hub that does not trust a NATS system elsewhere says why, and trusts one that has the right key.
func TestTrust(t *testing.T) {
	cert, other := testutil.NewCert(t, nil, nil), testutil.NewCert(t, nil, nil)
	url := "tls://" + testutil.StartServer(t,
		server.Options{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert.Certificate}}}).Addr().String()
	pin := func(c *testutil.Cert) tlstrust.Settings {
		return tlstrust.Settings{Fingerprints: []string{tlstrust.Fingerprint(c.Leaf)}, Prefix: "nats-tls"}
	}
	said := make(lines, 100)
	in, err := Dial(Config{URL: url, Trust: pin(other),
		Log: slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		t.Fatal(err)
	}
	line := testutil.Receive(t, "it says why", said)
	in.Close()
	for _, part := range []string{"does not trust", "nats-url", "nats-tls-fingerprint " +
		tlstrust.Fingerprint(cert.Leaf)} {
		if !strings.Contains(line, part) {
			t.Errorf("said %q, want %q", line, part)
		}
	}
	if in, err = Dial(Config{URL: url, Trust: pin(cert), Log: testutil.Log(t)}); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	testutil.Eventually(t, "it is connected", in.Connected)
	if in, err := Dial(Config{URL: url, Trust: tlstrust.Settings{Fingerprints: []string{"x"}, Prefix: "nats-tls"},
		Log: testutil.Log(t)}); err == nil {
		in.Close()
		t.Error("a pin that is none is taken")
	}
}
