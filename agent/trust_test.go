package agent

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func pin(c *testutil.Cert) tlstrust.Settings {
	return tlstrust.Settings{Fingerprints: []string{tlstrust.Fingerprint(c.Leaf)}, Prefix: "tls"}
}

// An agent that pins the hub's key shows its credential and its pictures to that hub, through TLS.
func TestPinnedHub(t *testing.T) {
	t.Parallel()
	hub, porch := newCredential(t), newCredential(t)
	cert := testutil.NewCert(t, nil, nil)
	opts := guarded(hub, porch)
	opts.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert.Certificate}}
	s := testutil.StartServer(t, opts)
	url := "tls://" + s.Addr().String()
	options, err := pin(cert).Options()
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	nc, err := nats.Connect(url,
		append(append(options, hub.Options()...), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		<-closed
	})
	_, frames := subscribe(t, nc, "cam.porch.jpeg")
	cfg := config(t, url, "porch=file:clip.jpeg")
	cfg.Credential, cfg.Trust = porch, pin(cert)
	testutil.Run(t, newAgent(t, cfg).Run)
	nextFrame(t, frames)
	health := func(trusted tlstrust.Settings) error {
		cfg := cfg
		cfg.Trust = trusted
		return Health(t.Context(), cfg)
	}
	if err := health(pin(cert)); err != nil {
		t.Errorf("the health check of an agent that pins the hub's key: %v", err)
	}
	if err := health(pin(testutil.NewCert(t, nil, nil))); err == nil {
		t.Error("the health check trusts another key")
	}
}

// impostor stands where the hub should be and plays a NATS server that asks for a credential: it keeps all that is
// said to it inside of TLS, or without.
type impostor struct {
	addr string

	mu       sync.Mutex
	attempts int    // guarded by mu
	heard    []byte // inside of TLS, if there is any; guarded by mu
	wire     []byte // all that came; guarded by mu
}

// tapped is a connection that keeps what it reads.
type tapped struct {
	net.Conn
	read []byte
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read = append(c.read, b[:n]...)
	return n, err
}

func startImpostor(t *testing.T, cert *testutil.Cert, secure bool) *impostor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	i := &impostor{addr: l.Addr().String()}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			i.serve(c, cert, secure)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return i
}

func (i *impostor) serve(c net.Conn, cert *testutil.Cert, secure bool) {
	defer func() { _ = c.Close() }()                    // the other side has gone
	_ = c.SetDeadline(time.Now().Add(testutil.Timeout)) // an agent that says nothing fails the test elsewhere
	_, _ = fmt.Fprintf(c,
		"INFO {\"server_id\":\"X\",\"version\":\"2.15.0\",\"proto\":1,\"headers\":true,\"max_payload\":1048576,"+
			"\"nonce\":\"abcdef\",\"auth_required\":true,\"tls_required\":%v}\r\n", secure)
	wire := &tapped{Conn: c}
	var inside io.Reader = wire
	if secure {
		inside = tls.Server(wire, &tls.Config{Certificates: []tls.Certificate{cert.Certificate}})
	}
	said, _ := io.ReadAll(inside) // cut by the other side
	i.mu.Lock()
	defer i.mu.Unlock()
	i.attempts++
	i.heard = append(i.heard, said...)
	i.wire = append(i.wire, wire.read...)
}

func (i *impostor) took() (attempts int, heard, wire string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.attempts, string(i.heard), string(i.wire)
}

// A server without the pinned key or without TLS gets neither a signature nor a frame.
func TestImpostor(t *testing.T) {
	t.Parallel()
	genuine, forged := testutil.NewCert(t, nil, nil), testutil.NewCert(t, nil, nil)
	for name, test := range map[string]struct {
		url    string
		secure bool
		trust  tlstrust.Settings
		says   string
	}{
		"another key":            {"tls://", true, pin(genuine), "tls-fingerprint " + tlstrust.Fingerprint(forged.Leaf)},
		"another key, plain URL": {"nats://", true, pin(genuine), "pinned is " + tlstrust.Fingerprint(genuine.Leaf)},
		"no TLS":                 {"nats://", false, pin(genuine), "no TLS"},
		"no TLS, nothing pinned": {"tls://", false, tlstrust.Settings{Prefix: "tls"}, "no TLS"},
		"another authority": {"nats://", true, tlstrust.Settings{CA: genuine.CertFile, Prefix: "tls"},
			"not signed by an authority in"},
		"an unknown certificate": {"tls://", true, tlstrust.Settings{Prefix: "tls"},
			"unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := startImpostor(t, forged, test.secure)
			l := &logCapture{}
			cfg := config(t, test.url+i.addr, "porch=file:clip.jpeg")
			cfg.Credential, cfg.Trust, cfg.Log = newCredential(t), test.trust, slog.New(slog.NewTextHandler(l, nil))
			stop := testutil.Run(t, newAgent(t, cfg).Run)
			testutil.Eventually(t, "it says why", func() bool {
				return l.said("level=ERROR") && l.said("does not trust the hub") && l.said(test.says) && l.said("remedy=")
			})
			stop()
			if attempts, heard, wire := i.took(); attempts == 0 || heard != "" || strings.Contains(wire, "CONNECT") ||
				strings.Contains(wire, cfg.Credential.Public()) {
				t.Errorf("%d attempts told the impostor %q and %q", attempts, heard, wire)
			}
		})
	}
}

// A client without verification sends the impostor all of that. So the test above would notice a leak.
func TestImpostorHears(t *testing.T) {
	t.Parallel()
	i := startImpostor(t, testutil.NewCert(t, nil, nil), true)
	c, err := credential.New()
	if err != nil {
		t.Fatal(err)
	}
	options := append(c.Options(), nats.Secure(&tls.Config{InsecureSkipVerify: true}), nats.Timeout(time.Second),
		nats.NoReconnect())
	if nc, err := nats.Connect("tls://"+i.addr, options...); err == nil {
		nc.Close()
		t.Fatal("the impostor answers")
	}
	testutil.Eventually(t, "it has heard the signature", func() bool {
		_, heard, _ := i.took()
		return strings.Contains(heard, c.Public()) && strings.Contains(heard, `"sig":`)
	})
}
