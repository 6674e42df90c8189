package web

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/mpjpeg"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// secure gives a server a certificate of its own.
func secure(t testing.TB) func(*Server) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return func(s *Server) {
		s.cfg.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	}
}

// versions are the ways to reach a server with TLS.
var versions = map[string]int{"HTTP/1.1": 1, "HTTP/2": 2}

// secureClient speaks one version of HTTP over TLS.
func secureClient(t testing.TB, major int) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the certificate is a second old
		Protocols:       &http.Protocols{},
	}
	transport.Protocols.SetHTTP1(major == 1)
	transport.Protocols.SetHTTP2(major == 2)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: testutil.Timeout}
}

// fetch begins a response.
func (r *fixture) fetch(client *http.Client, major int, path string) io.ReadCloser {
	r.t.Helper()
	resp, err := client.Get("https://" + r.addr + path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = resp.Body.Close() }) // a test may have closed it
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != major {
		r.t.Fatalf("%s: %s by %s", path, resp.Status, resp.Proto)
	}
	return resp.Body
}

// TestTLSStreams: every stream works over TLS, by HTTP/1.1 and by HTTP/2. The hub notices a viewer that leaves, and
// the others on its connection continue.
func TestTLSStreams(t *testing.T) {
	for name, major := range versions {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t, stream.Config{}, fast, secure(t), func(s *Server) { s.times.Placeholder = hour })
			client := secureClient(t, major)
			desk, yard, list := r.camera("desk", frame.JPEG), r.camera("yard", frame.H264), units(t, "slices.h264")
			picture := desk.picture()
			yard.access(list[0])

			mjpeg := r.fetch(client, major, "/cam/desk.mjpeg")
			parts := bufio.NewReader(mjpeg)
			if _, err := io.CopyN(io.Discard, parts, int64(len(mpjpeg.Preamble))); err != nil {
				t.Fatal(err)
			}
			raw, movie := r.fetch(client, major, "/cam/yard.h264"), r.fetch(client, major, "/cam/yard.mp4")
			if got := readPart(t, parts); !bytes.Equal(got.picture, picture) {
				t.Errorf("the picture is %q", got.picture)
			}
			for i, u := range list[:8] {
				if i > 0 {
					yard.access(u)
				}
				got := make([]byte, len(u.data))
				if _, err := io.ReadFull(raw, got); err != nil || !bytes.Equal(got, u.data) {
					t.Fatalf("access unit %d: %v", i, err)
				}
			}
			if _, err := io.CopyN(io.Discard, movie, 2000); err != nil {
				t.Error(err)
			}
			yard.viewers(2)
			_ = movie.Close()
			yard.viewers(1)
			_ = raw.Close()
			yard.viewers(0)
			next := desk.picture()
			for !bytes.Equal(readPart(t, parts).picture, next) { // the picture before may have been repeated
			}
			_ = mjpeg.Close()
			desk.viewers(0)
		})
	}
}

// TestTLSStalledAndStopped stalls one of two viewers over TLS. The hub disconnects it after the write timeout, like any
// other. The stop of the hub ends the other one.
func TestTLSStalledAndStopped(t *testing.T) {
	for name, major := range versions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newFixture(t, stream.Config{}, secure(t),
				func(s *Server) { s.cfg.WriteTimeout, s.times.Idle = time.Second, hour })
			c := r.camera("c", frame.JPEG)
			next := source(t, c)
			next()
			stalled, good := r.fetch(secureClient(t, major), major, "/cam/c.mjpeg"), r.fetch(secureClient(t, major), major,
				"/cam/c.mjpeg")
			c.viewers(2)
			read := &conn{t: t, r: bufio.NewReader(good)}
			for end := time.Now().Add(testutil.Timeout); c.Info().Viewers == 2; {
				if time.Now().After(end) {
					t.Fatal("the stalled viewer stays")
				}
				readUntil(t, read, next())
			}
			readUntil(t, read, next())
			r.stop()
			if _, err := io.Copy(io.Discard, good); err != nil {
				t.Logf("%s: %v", name, err) // an aborted connection is as good, because the hub is gone
			}
			_ = stalled.Close()
		})
	}
}
