package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestSuites offers every suite of TLS 1.2 that Go knows, one at a time, with keys of both kinds. Only suites with
// authenticated encryption (AEAD) succeed.
func TestSuites(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	legacy, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	config := newFixture(t, testutil.NewCert(t, nil, nil)).pair.Config()
	good := 0
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if suite.SupportedVersions[0] == tls.VersionTLS13 {
			continue
		}
		var cert tls.Certificate
		if strings.Contains(suite.Name, "ECDSA") {
			cert = selfSigned(t, ec, ec.Public())
		} else {
			cert = selfSigned(t, legacy, legacy.Public())
		}
		server := config.Clone()
		server.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }
		err := handshake(t, server, &tls.Config{
			InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID},
		})
		aead := strings.Contains(suite.Name, "_GCM_") || strings.Contains(suite.Name, "_POLY1305")
		if want := aead && strings.Contains(suite.Name, "_ECDHE_"); (err == nil) != want {
			t.Errorf("%s: %v", suite.Name, err)
		}
		if err == nil {
			good++
		}
	}
	if good != 6 {
		t.Errorf("%d suites of TLS 1.2 are spoken, want 6", good)
	}
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS13: true} {
		err := handshake(t, config, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

func selfSigned(t *testing.T, key, public any) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// handshake returns the client's error.
func handshake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	a, b := net.Pipe()
	served := make(chan error, 1)
	go func() { // received below
		err := tls.Server(a, server).HandshakeContext(t.Context())
		served <- err
		_ = a.Close() // nothing more is sent
	}()
	err := tls.Client(b, client).HandshakeContext(t.Context())
	_ = b.Close() // as above
	<-served
	return err
}
