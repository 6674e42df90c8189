package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
)

// selfSignedName is the subject of certificates that WriteSelfSigned makes.
const selfSignedName = "bramble-hub"

// Ensure returns the certificate in the files of o, checked against its key. It makes both if they do not exist.
func Ensure(o SelfSignedParams) (cert *x509.Certificate, made bool, err error) {
	if pair, err := tls.LoadX509KeyPair(o.Cert, o.Key); err == nil && pair.Leaf != nil {
		return pair.Leaf, false, nil
	}
	cert, _, err = WriteSelfSigned(o)
	return cert, err == nil, err
}

// SelfSigned reports whether a certificate is signed with its own key, so that browsers warn of it.
func (p *Pair) SelfSigned() bool { return p.selfSigned.Load() }

func isSelfSigned(cert *x509.Certificate) bool {
	return cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// endsSoon reports whether it is time to renew a certificate.
func endsSoon(leaf *x509.Certificate, now time.Time) bool {
	return !now.Before(leaf.NotAfter.Add(-min(expiryWarning, leaf.NotAfter.Sub(leaf.NotBefore)/4)))
}

// renew replaces a certificate that WriteSelfSigned made: same key, same validity. Operators would not remember to do
// that years later. After a failure it retries once a day, and warn reports the certificate's expiry.
func (p *Pair) renew(now time.Time) {
	leaf := p.current.Load().Leaf
	madeHere := leaf.Subject.CommonName == selfSignedName && isSelfSigned(leaf)
	if !madeHere || !endsSoon(leaf, now) || now.Sub(p.renewed) < warnEvery {
		return
	}
	p.renewed = now
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if here, err := HostNames(); err == nil { // its names and addresses may have changed
		names = append(names, slices.DeleteFunc(here, func(n string) bool { return slices.Contains(names, n) })...)
	}
	o := SelfSignedParams{Cert: p.certFile, Key: p.keyFile, Names: names,
		Valid: leaf.NotAfter.Sub(leaf.NotBefore) - backdate}
	cert, _, err := WriteSelfSigned(o)
	if err != nil {
		p.log.Warn("the certificate cannot be renewed here", "cert", p.certFile, logkey.Err, err,
			"remedy", "give the hub's user write access to the file and its folder, or run \"sudo bramble-hub cert\"")
		return
	}
	p.log.Info("certificate renewed with the same key", "audit", "cert", "cert", p.certFile,
		"expires", cert.NotAfter.UTC().Format(time.RFC3339), "certificate_sha256", Sum(cert),
		"note", "agents that pin the key keep working; browsers and programs that trust a copy of the file need "+
			"the new one")
}

// Sum returns the SHA-256 of a certificate as browsers show it, which is not the fingerprint of its key.
func Sum(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// keepOwner gives a new file the owner of the old one, or else of the folder: root makes it for a service that runs as
// another user.
func keepOwner(f *os.File, old, folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(old)
	if err != nil {
		if info, err = os.Stat(folder); err != nil {
			return err
		}
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}
