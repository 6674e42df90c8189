package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/atomicfile"
	"github.com/bramble-cam/bramble/internal/setting"
)

// backdate is how long before its making a certificate is good: clocks differ.
const backdate = time.Hour

// SelfSignedParams describe the certificate to make.
type SelfSignedParams struct {
	Cert   string   // its file
	Key    string   // the file of its private key. An existing key is used again, for clients that pin it
	NewKey bool     // replace that key
	Names  []string // names and addresses of the host; the first is also what people see
	Valid  time.Duration
}

// WriteSelfSigned writes a certificate that is signed by its own key, and the key if it is new.
// Both are readable by their owner only. It refuses to replace a certificate that another authority has signed.
func WriteSelfSigned(o SelfSignedParams) (cert *x509.Certificate, newKey bool, err error) {
	if err := o.mayReplace(); err != nil {
		return nil, false, err
	}
	key, newKey, err := o.key()
	if err != nil {
		return nil, false, err
	}
	der, err := o.sign(key)
	if err != nil {
		return nil, false, fmt.Errorf("make a certificate: %w", err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		return nil, false, fmt.Errorf("make a certificate: %w", err)
	}
	if newKey { // before the certificate: a hub that runs keeps the pair of before until both are there
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, false, fmt.Errorf("make a key: %w", err)
		}
		if err := replace(o.Key, &pem.Block{Type: "PRIVATE KEY", Bytes: private}); err != nil {
			return nil, false, err
		}
	}
	return cert, newKey, replace(o.Cert, &pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// sign makes the certificate. It is not an authority: a browser that trusts it does not trust it for other hosts.
func (o SelfSignedParams) sign(key crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now().Add(-backdate), NotAfter: time.Now().Add(o.Valid),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		Subject: pkix.Name{CommonName: selfSignedName},
	}
	for _, name := range o.Names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	return x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
}

// mayReplace returns an error if there is a certificate that cannot be made again here.
func (o SelfSignedParams) mayReplace() error {
	block, err := readPEM(o.Cert)
	if block == nil || err != nil {
		return err
	}
	old, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return setting.Errorf("%s is there and is no certificate: name another file with {tls-cert}: %w", o.Cert, err)
	}
	if !isSelfSigned(old) {
		return setting.Errorf("%s is a certificate that %q has signed, and is left alone: name another file with "+
			"{tls-cert}", o.Cert, old.Issuer)
	}
	return nil
}

// key returns the key that is there, or a new one.
func (o SelfSignedParams) key() (key crypto.Signer, isNew bool, err error) {
	block, err := readPEM(o.Key)
	if err != nil {
		return nil, false, err
	}
	if block == nil || o.NewKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return key, true, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if parsed, err = x509.ParseECPrivateKey(block.Bytes); err != nil {
			return nil, false, setting.Errorf("%s is there and is no private key that can be used again: name "+
				"another file with {tls-key}, or replace it with {new-key}", o.Key)
		}
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, false, setting.Errorf("%s holds a key that signs nothing: name another file with {tls-key}, or "+
			"replace it with {new-key}", o.Key)
	}
	return signer, false, nil
}

// readPEM returns the first block of a file, or nil if there is no such file.
func readPEM(name string) (*pem.Block, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, setting.Errorf("%s is there and is no PEM file: name another with {tls-cert} and {tls-key}", name)
	}
	return block, nil
}

// replace replaces a file in one step.
func replace(name string, block *pem.Block) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(name, pem.EncodeToMemory(block), atomicfile.Options{
		Prepare: func(f *os.File) error { return keepOwner(f, name, filepath.Dir(name)) },
	})
}

// HostNames are the names and addresses under which others may know this host: those that it has itself, and localhost.
func HostNames() ([]string, error) {
	list := []string{"localhost", "127.0.0.1", "::1"}
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("the host's name: %w", err)
	}
	if name != "" && name != "localhost" {
		list = append([]string{name}, list...)
		if !strings.Contains(name, ".") {
			list = append(list, name+".local") // as mDNS has it
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("the host's addresses: %w", err)
	}
	for _, a := range addrs {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() && !slices.Contains(list, network.IP.String()) {
			list = append(list, network.IP.String())
		}
	}
	return list, nil
}
