package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCertificate(t *testing.T) {
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		from, until time.Duration
		want        want
	}{
		"good":    {-day, 60 * day, want{OK, "certificate", "for hub.example.com, good until", ""}},
		"soon":    {-day, 3 * day, want{Warn, "certificate", "expires on", "renew"}},
		"expired": {-9 * day, -day, want{Fail, "certificate", "has expired", "renew"}},
		"too new": {day, 60 * day, want{Fail, "certificate", "not good before", "clock"}},
	} {
		t.Run(name, func(t *testing.T) {
			cert, key := pair(t, time.Now().Add(test.from), time.Now().Add(test.until))
			e := examine(t, Config{TLSCert: cert, TLSKey: key})
			e.certificate()
			compare(t, e.findings, true, test.want)
		})
	}
	cert, _ := pair(t, time.Now(), time.Now().Add(day))
	_, key := pair(t, time.Now(), time.Now().Add(day))
	e := examine(t, Config{TLSCert: cert, TLSKey: key})
	e.certificate()
	compare(t, e.findings, true, want{Fail, "certificate", "private key does not match", "belong together"})
}

// pair writes a certificate and its key.
func pair(t *testing.T, from, until time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until,
		DNSNames: []string{"hub.example.com"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der},
		key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
