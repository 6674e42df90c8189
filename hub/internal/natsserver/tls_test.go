package natsserver

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// trusting connects a client with these trust settings until the test ends.
func trusting(t *testing.T, url string, s tlstrust.Settings) *nats.Conn {
	t.Helper()
	options, err := s.Options()
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	nc, err := nats.Connect(url, append(options, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		<-closed
	})
	return nc
}

// With TLS, by settings or by the file, a client without TLS is refused. The hub connects within the process, without
// TLS.
func TestTLS(t *testing.T) {
	cert := testutil.NewCert(t, nil, nil)
	for name, cfg := range map[string]Config{
		"by settings": {Addr: anyPort, TLS: &tls.Config{Certificates: []tls.Certificate{cert.Certificate}}},
		"by the file": {Addr: anyPort,
			File: write(t, fmt.Sprintf("tls: { cert_file: %q, key_file: %q }", cert.CertFile, cert.KeyFile))},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, cfg)
			if !s.Secure() || s.URL() != "tls://"+s.Addr() {
				t.Errorf("URL %s", s.URL())
			}
			agent := trusting(t, s.URL(), tlstrust.Settings{Fingerprints: []string{tlstrust.Fingerprint(cert.Leaf)}})
			closed := make(chan struct{})
			hub, err := nats.Connect("", s.InProcess(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				hub.Close()
				<-closed
			}()
			if _, err := hub.TLSConnectionState(); err == nil {
				t.Error("the hub speaks TLS with itself")
			}
			got := make(chan *nats.Msg, 1)
			if _, err := hub.ChanSubscribe("cam.porch.jpeg", got); err != nil {
				t.Fatal(err)
			}
			if err := hub.FlushTimeout(testutil.Timeout); err != nil {
				t.Fatal(err)
			}
			if err := agent.Publish("cam.porch.jpeg", []byte("picture")); err != nil {
				t.Fatal(err)
			}
			testutil.Receive(t, "a frame comes through TLS", got)
			plain(t, s.Addr())
		})
	}
}

// plain speaks NATS without TLS to a server that wants it, and must get no answer but that.
func plain(t *testing.T, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }() // the server has closed it
	if err := c.SetDeadline(time.Now().Add(testutil.Timeout)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if info, err := r.ReadString('\n'); err != nil || !strings.Contains(info, `"tls_required":true`) {
		t.Errorf("%s, %v", info, err)
	}
	if _, err := io.WriteString(c, "CONNECT {\"verbose\":true}\r\nPING\r\nSUB cam.> 1\r\n"); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(r); strings.Contains(string(rest), "OK") || strings.Contains(string(rest), "PONG") {
		// it may be reset: not all that was sent was read
		t.Errorf("the server says %q", rest)
	}
}

func TestTLSTwice(t *testing.T) {
	cert := testutil.NewCert(t, nil, nil)
	file := write(t, fmt.Sprintf("tls: { cert_file: %q, key_file: %q }", cert.CertFile, cert.KeyFile))
	s, err := Start(Config{Addr: anyPort, File: file, TLS: &tls.Config{Certificates: []tls.Certificate{cert.Certificate}},
		Log: testutil.Log(t)})
	if err == nil {
		s.Stop()
	}
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(setting.Flags(err), "--nats-tls-cert") {
		t.Errorf("error %v", err)
	}
}
