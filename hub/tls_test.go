package hub

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// startTLS runs a hub whose page and NATS have the certificate c.
func startTLS(t *testing.T, c *testutil.Cert) (h *Hub, natsURL string) {
	t.Helper()
	h, err := New(Config{
		HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", TLSCert: c.CertFile, TLSKey: c.KeyFile, NATSTLSCert: c.CertFile,
		NATSTLSKey: c.KeyFile, Log: testutil.Log(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, h.Run)
	ctx, cancel := context.WithTimeout(context.Background(), testutil.Timeout)
	defer cancel()
	if _, natsURL, err = h.WaitStarted(ctx); err != nil {
		t.Fatal(err)
	}
	return h, natsURL
}

// dialNATS connects to a NATS server that has to be one of which s says that it is the right one.
func dialNATS(t *testing.T, url string, s tlstrust.Settings) (*nats.Conn, error) {
	t.Helper()
	options, err := s.Options()
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	nc, err := nats.Connect(url,
		append(options, nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	if err == nil {
		t.Cleanup(func() {
			nc.Close()
			<-closed
		})
	}
	return nc, err
}

// TestTransportSecurity: a self-signed certificate comes without Strict-Transport-Security. With it, a browser could
// not be told to accept the next certificate.
func TestTransportSecurity(t *testing.T) {
	authority := testutil.Authority(t)
	for want, c := range map[bool]*testutil.Cert{false: testutil.NewCert(t, nil, nil),
		true: testutil.NewCert(t, authority, nil)} {
		h, _ := startTLS(t, c)
		pool := x509.NewCertPool()
		pool.AddCert(c.Leaf)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: pool}}, Timeout: testutil.Timeout}
		if want {
			pool.AddCert(authority.Leaf)
		}
		resp, err := client.Get(h.Page() + "healthz")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // it was not read
		if got := resp.Header.Get("Strict-Transport-Security") != ""; got != want {
			t.Errorf("signed by an authority: %v, Strict-Transport-Security: %v", want, got)
		}
	}
}

// getTLS fetches a short answer from a hub that must show c.
func getTLS(t *testing.T, url string, c *testutil.Cert) (int, error) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(c.Leaf)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: pool}}, Timeout: testutil.Timeout}
	resp, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// readPicture reads a stream until a picture has come.
func readPicture(t *testing.T, r *bufio.Reader, want []byte) {
	t.Helper()
	for got := []byte(nil); !bytes.Contains(got, want); {
		line, err := r.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line...)
	}
}

// Both servers take a new certificate over while an agent publishes and a viewer looks, who notice nothing; a broken
// one changes nothing.
func TestTLSReload(t *testing.T) {
	first, second := testutil.NewCert(t, nil, nil), testutil.NewCert(t, nil, nil)
	old := *first
	pin := func(c *testutil.Cert) tlstrust.Settings {
		return tlstrust.Settings{Fingerprints: []string{tlstrust.Fingerprint(c.Leaf)}}
	}
	h, natsURL := startTLS(t, first)
	if !strings.HasPrefix(h.Page(), "https://") || !strings.HasPrefix(natsURL, "tls://") {
		t.Fatal(h.Page(), natsURL)
	}
	nc, err := dialNATS(t, natsURL, h.Trust())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dialNATS(t, natsURL, pin(second)); err == nil || !strings.Contains(err.Error(), "pinned is") {
		t.Errorf("another pin: %v", err)
	}
	a := newAgentOn(t, nc)
	testutil.Eventually(t, "the camera is found", func() bool {
		a.publish("cam.desk.status", nil, a.status) // the hub may have been too late for the last one
		code, err := getTLS(t, h.Page()+"readyz", &old)
		return err == nil && code == http.StatusOK
	})
	viewer, err := tls.Dial("tcp", strings.Trim(strings.TrimPrefix(h.Page(), "https:"), "/"),
		&tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = viewer.Close() }() // the hub may have ended it
	if err := viewer.SetDeadline(time.Now().Add(testutil.Timeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(viewer, "GET /cam/desk.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the camera has a subscriber", func() bool { return len(a.picture()) > 0 && subscribed(t, nc) })
	stream := bufio.NewReader(viewer)
	readPicture(t, stream, a.picture())

	testutil.WriteFile(t, first.KeyFile, []byte("-----BEGIN"))
	if _, err := getTLS(t, h.Page()+"healthz", &old); err != nil {
		t.Error(err)
	}
	second.Install(t, first.CertFile, first.KeyFile)
	testutil.Eventually(t, "the page has the new certificate", func() bool {
		_, err := getTLS(t, h.Page()+"healthz", second)
		return err == nil
	})
	if _, err := dialNATS(t, natsURL, pin(second)); err != nil { // the files are the same, and so is the look at them
		t.Error(err)
	}
	if _, err := dialNATS(t, natsURL, pin(&old)); err == nil {
		t.Error("the old certificate is still shown")
	}
	if got := h.Trust().Fingerprints[0]; got != tlstrust.Fingerprint(second.Leaf) {
		t.Errorf("the hub says that it is %s", got)
	}
	readPicture(t, stream, a.pictureOf(64))
	if !nc.IsConnected() {
		t.Error("the agent was cut")
	}
}

// TestNATSSuites: the embedded NATS server offers only authenticated encryption (AEAD) with TLS 1.2.
func TestNATSSuites(t *testing.T) {
	_, natsURL := startTLS(t, testutil.NewCert(t, nil, nil))
	for suite, want := range map[uint16]bool{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: false, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: false,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: true,
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(natsURL, "tls://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // nothing depends on it
		if err := conn.SetDeadline(time.Now().Add(testutil.Timeout)); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "INFO ") {
			t.Fatal(line, err)
		}
		err = tls.Client(conn, &tls.Config{
			InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite},
		}).Handshake()
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.CipherSuiteName(suite), err)
		}
	}
}

// subscribed reports whether the pictures of desk have a subscriber. Without one NATS itself answers a message with a
// reply subject.
func subscribed(t *testing.T, nc *nats.Conn) bool {
	t.Helper()
	inbox := nc.NewRespInbox()
	got := make(chan *nats.Msg, 1)
	sub, err := nc.ChanSubscribe(inbox, got)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection ends anyway
	if err := nc.PublishRequest("cam.desk.jpeg", inbox, nil); err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	return len(got) == 0
}
