// Package tlstrust decides which NATS server to trust: by the fingerprint of its key, or by the authority that signed
// its certificate.
package tlstrust

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/setting"
)

// prefix begins every fingerprint that is printed.
const prefix = "sha256:"

// maxFile bounds what is read of a file with authorities, in bytes: all that a Linux distribution trusts has a
// quarter of that.
const maxFile = 1 << 20

// timeout bounds all that is said until a connection with TLS stands. Without TLS a second is enough; with it there
// are one or two more round trips.
const timeout = 2 * time.Second

// Settings say which NATS servers are trusted. The zero value trusts the authorities of the operating system, and
// requires TLS only if the URL does.
type Settings struct {
	// CA is a PEM file with certificates of authorities, one of which must have signed the server's certificate; or with
	// the server's own certificate.
	CA string

	// Fingerprints are of the server's public key. One must match. Then names, dates and signatures do not count.
	Fingerprints []string

	// Prefix is how the names of these settings begin: "tls" means tls-ca and tls-fingerprint.
	Prefix string
}

func (s Settings) ca() setting.Name          { return setting.Name(s.Prefix + "-ca") }
func (s Settings) fingerprint() setting.Name { return setting.Name(s.Prefix + "-fingerprint") }

// Options returns the options of a connection. The error names the flag and its allowed values.
func (s Settings) Options() ([]nats.Option, error) {
	switch {
	case s.CA != "" && len(s.Fingerprints) > 0:
		return nil, setting.Errorf("%s, %s: give one of them: a fingerprint needs no authority", s.ca(), s.fingerprint())
	case s.CA != "":
		if _, err := s.authorities(); err != nil {
			return nil, err
		}
		// the file is read again for each connection
		return []nats.Option{nats.ClientTLSConfig(nil, s.authorities), nats.Timeout(timeout)}, nil
	case len(s.Fingerprints) > 0:
		pins, err := s.pins()
		if err != nil {
			return nil, err
		}
		return []nats.Option{nats.Secure(pinnedConfig(pins)), nats.Timeout(timeout)}, nil
	}
	return nil, nil
}

// Config returns the TLS configuration of a connection, without ServerName. A file with authorities is read again
// each time.
func (s Settings) Config() (*tls.Config, error) {
	if len(s.Fingerprints) > 0 {
		pins, err := s.pins()
		if err != nil {
			return nil, err
		}
		return pinnedConfig(pins), nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: CipherSuites()}
	var err error
	if s.CA != "" {
		config.RootCAs, err = s.authorities()
	}
	return config, err
}

// IsZero reports whether nothing is set.
func (s Settings) IsZero() bool { return s.CA == "" && len(s.Fingerprints) == 0 }

func (s Settings) authorities() (*x509.CertPool, error) {
	f, err := os.Open(s.CA)
	if err != nil {
		return nil, setting.Errorf("%s: %w", s.ca(), err)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, setting.Errorf("%s: %w", s.ca(), err)
	}
	pool := x509.NewCertPool()
	if len(data) > maxFile || !pool.AppendCertsFromPEM(data) {
		return nil, setting.Errorf("%s %s: there must be certificates in it, as PEM (\"-----BEGIN "+
			"CERTIFICATE-----\"), of at most %d bytes in all", s.ca(), s.CA, maxFile)
	}
	return pool, nil
}

// pins returns the fingerprints as they are printed. Letters may be large, and colons stand between the bytes, as
// other programs print them.
func (s Settings) pins() (list []string, err error) {
	for _, text := range s.Fingerprints {
		plain := strings.ToLower(strings.TrimSpace(text))
		plain = strings.ReplaceAll(strings.TrimPrefix(plain, prefix), ":", "")
		if raw, err := hex.DecodeString(plain); err != nil || len(raw) != sha256.Size {
			return nil, setting.Errorf("%s %q: give %s and 64 hexadecimal digits, as the hub prints them when it starts",
				s.fingerprint(), text, prefix)
		}
		list = append(list, prefix+plain)
	}
	return list, nil
}

// CipherSuites are the suites of TLS 1.2 with authenticated encryption (AEAD) and forward secrecy. Those with CBC had
// repeated padding attacks. TLS 1.3 has AEAD only.
func CipherSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// Fingerprint is the SHA-256 of a certificate's public key (SubjectPublicKeyInfo, RFC 5280, 4.1.2.7, in DER). A
// renewed certificate for the same key has the same; nats-server's pinned_certs has it too, without what is in front
// of the digits.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return prefix + hex.EncodeToString(sum[:])
}

// pinnedConfig trusts the holders of some keys only. Dates do not count: the key identifies the server, and a Pi does
// not know the time when it starts.
func pinnedConfig(pins []string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		CipherSuites:       CipherSuites(),
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection is called all the same, also for a resumed session
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return errors.New("the server shows no certificate")
			}
			if got := Fingerprint(state.PeerCertificates[0]); !slices.Contains(pins, got) {
				return &pinMismatchError{got: got, pins: pins}
			}
			return nil
		},
	}
}

// pinMismatchError says that a server has another key than it should.
type pinMismatchError struct {
	got  string
	pins []string
}

func (e *pinMismatchError) Error() string {
	return fmt.Sprintf("the server's certificate is %s, pinned is %s", e.got, strings.Join(e.pins, ", "))
}
