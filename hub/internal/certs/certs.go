// Package certs loads a certificate and its private key from two files, and reloads them when they change.
// It also makes and renews self-signed certificates.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
)

const (
	// checkInterval is how often the files are checked, at most: when a client connects.
	checkInterval = time.Second

	// expiryWarning is how long before a certificate expires the log warns, unless a quarter of its life is less.
	// warnEvery is how often it warns.
	expiryWarning = 14 * 24 * time.Hour
	warnEvery     = 24 * time.Hour
)

// Pair is a certificate with its key. It has no goroutine: a handshake checks, at most once a second, whether the files
// have changed.
type Pair struct {
	certFile string
	keyFile  string
	log      *slog.Logger
	began    time.Time // of the clock below, which cannot be set back

	current    atomic.Pointer[tls.Certificate]
	selfSigned atomic.Bool  // current is self-signed
	next       atomic.Int64 // when to look again, nanoseconds since began

	mu          sync.Mutex     // held while checking the files; others do not wait for it
	files       [2]os.FileInfo // as they were when current was read; guarded by mu
	lastError   string         // what was wrong with the files at the last check; guarded by mu
	lastWarning string         // what the log last said about that; guarded by mu
	warned      time.Time      // when the log last warned of the certificate's expiry; guarded by mu
	renewed     time.Time      // when renewal was last tried; guarded by mu
}

// Load reads the files, which must be PEM. A file whose key is not the certificate's is an error.
func Load(certFile, keyFile string, log *slog.Logger) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile, log: log, began: time.Now()}
	files, cert, err := p.read()
	if err != nil {
		return nil, err
	}
	p.files = files
	p.current.Store(cert)
	p.selfSigned.Store(isSelfSigned(cert.Leaf))
	p.next.Store(int64(checkInterval))
	if cert.Leaf.Subject.CommonName != selfSignedName { // a certificate made here is renewed first
		p.warnExpiry(time.Now())
	}
	return p, nil
}

// Config is for a server that shows the certificate.
func (p *Pair) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: tlstrust.CipherSuites(),
		GetCertificate: p.certificate}
}

// Fingerprint is what clients pin that trust the key.
func (p *Pair) Fingerprint() string { return tlstrust.Fingerprint(p.current.Load().Leaf) }

// certificate implements tls.Config.GetCertificate.
func (p *Pair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if now := time.Since(p.began); int64(now) >= p.next.Load() && p.mu.TryLock() {
		p.reloadIfChanged()
		p.next.Store(int64(time.Since(p.began) + checkInterval))
		p.mu.Unlock()
	}
	return p.current.Load(), nil
}

// reloadIfChanged loads changed files. Files that cannot be used are logged once, and only if they are still unusable
// at the next check: two files are not replaced at the same moment.
func (p *Pair) reloadIfChanged() {
	now := time.Now()
	defer p.warnExpiry(now)
	p.renew(now)
	files, err := p.stat()
	if p.lastError == "" && err == nil && same(files[0], p.files[0]) && same(files[1], p.files[1]) {
		return
	}
	files, cert, err := p.read()
	if err != nil {
		text := err.Error()
		if text == p.lastError && text != p.lastWarning {
			p.lastWarning = text
			p.log.Warn("the certificate's files have changed and cannot be used; the previous certificate stays in use",
				"cert", p.certFile, "key", p.keyFile, logkey.Err, err,
				"remedy", "put a certificate and its private key there, as PEM files that this user may read; "+
					"they are loaded without a restart")
		}
		p.lastError = text
		return
	}
	old := p.current.Swap(cert)
	p.selfSigned.Store(isSelfSigned(cert.Leaf))
	p.files, p.lastError, p.lastWarning, p.warned = files, "", "", time.Time{}
	if !old.Leaf.Equal(cert.Leaf) {
		p.log.Info("the certificate is replaced, for those who connect from now on", "cert", p.certFile, "expires",
			cert.Leaf.NotAfter.UTC().Format(time.RFC3339),
			"fingerprint", tlstrust.Fingerprint(cert.Leaf), "same_key",
			tlstrust.Fingerprint(old.Leaf) == tlstrust.Fingerprint(cert.Leaf))
	}
}

func (p *Pair) stat() (files [2]os.FileInfo, err error) {
	for i, name := range []string{p.certFile, p.keyFile} {
		if files[i], err = os.Stat(name); err != nil {
			return files, err
		}
	}
	return files, nil
}

// read returns the content of the files, and their state before that. The next check finds what changes meanwhile.
func (p *Pair) read() (files [2]os.FileInfo, cert *tls.Certificate, err error) {
	if files, err = p.stat(); err != nil {
		return files, nil, err
	}
	pair, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return files, nil, err
	}
	if pair.Leaf == nil { // only with an old GODEBUG setting
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return files, nil, fmt.Errorf("%s: %w", p.certFile, err)
		}
	}
	return files, &pair, nil
}

// same reports whether a file is unchanged: neither replaced, as certbot does, nor written.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// warnExpiry logs once a day that a certificate expires soon, or has expired.
func (p *Pair) warnExpiry(now time.Time) {
	leaf := p.current.Load().Leaf
	if !endsSoon(leaf, now) || now.Sub(p.warned) < warnEvery {
		return
	}
	p.warned = now
	what := "the certificate expires soon"
	if now.After(leaf.NotAfter) {
		what = "the certificate has expired: browsers warn of it, and agents that do not pin its fingerprint refuse it"
	}
	p.log.Warn(what, "cert", p.certFile, "expires", leaf.NotAfter.UTC().Format(time.RFC3339),
		"remedy", "put a new one into the file, it is loaded without a restart; \"bramble-hub cert\" renews "+
			"one that it has made")
}
