package testutil

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Cert is a certificate with its key, also in files.
type Cert struct {
	tls.Certificate
	CertFile, KeyFile string
}

// NewCert makes a certificate for 127.0.0.1 that is good for an hour, unless change says otherwise. It signs itself, or
// an authority signs it.
func NewCert(tb testing.TB, authority *Cert, change func(*x509.Certificate)) *Cert {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return CertFor(tb, key, authority, change)
}

// CertFor is NewCert for a key that exists.
func CertFor(tb testing.TB, key *ecdsa.PrivateKey, authority *Cert, change func(*x509.Certificate)) *Cert {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "test " + serial.String()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, any(key)
	if authority != nil {
		parent, signer = authority.Leaf, authority.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		tb.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	c := &Cert{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "cert.key")}
	WriteFile(tb, c.CertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	WriteFile(tb, c.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	if c.Certificate, err = tls.LoadX509KeyPair(c.CertFile, c.KeyFile); err != nil {
		tb.Fatal(err)
	}
	return c
}

// Authority makes a certificate of one that signs others.
func Authority(tb testing.TB) *Cert {
	return NewCert(tb, nil, func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.IPAddresses = true, x509.KeyUsageCertSign, nil
	})
}

// Install puts the certificate into the place of another, as tools do that renew certificates: a new file, which is
// renamed.
func (c *Cert) Install(tb testing.TB, certFile, keyFile string) {
	tb.Helper()
	for from, to := range map[string]string{c.KeyFile: keyFile, c.CertFile: certFile} {
		data, err := os.ReadFile(from)
		if err != nil {
			tb.Fatal(err)
		}
		WriteFile(tb, to+".new", data)
		if err := os.Rename(to+".new", to); err != nil {
			tb.Fatal(err)
		}
	}
}

// WriteFile writes a file that only its owner may read.
func WriteFile(tb testing.TB, name string, data []byte) {
	tb.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		tb.Fatal(err)
	}
}
