package tlstrust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/setting"
)

// Explain returns why a server is not trusted, and the remedy. what is "" for an error about something else.
func (s Settings) Explain(err error) (what string, remedy error) {
	var other *pinMismatchError
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &other):
		return "the hub's certificate is " + other.got + ", pinned is " + strings.Join(other.pins, ", "),
			setting.Errorf("if the hub has a new key, give %s %s: the hub prints its own when it starts. "+
				"If it has not, another server answers in its place", s.fingerprint(), other.got)
	case errors.As(err, &unverified) && len(unverified.UnverifiedCertificates) > 0:
		return s.unverified(unverified.UnverifiedCertificates[0], unverified.Err)
	case errors.Is(err, nats.ErrSecureConnWanted):
		return "NATS offers no TLS there",
			setting.Errorf("start the hub with {nats-tls-cert} and {nats-tls-key} (\"bramble-hub cert\" makes them); "+
				"or, to have no TLS, begin the URL with nats:// and leave out %s and %s", s.ca(), s.fingerprint())
	}
	return "", nil
}

// unverified explains why a certificate was not accepted.
func (s Settings) unverified(cert *x509.Certificate, err error) (what string, remedy error) {
	pin := setting.Errorf("%s %s, if the hub prints the same when it starts", s.fingerprint(), Fingerprint(cert))
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknownCA x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("the hub's certificate is for %s, not for %s", strings.Join(names(cert), ", "), name.Host),
			setting.Errorf("use a URL with such a name, or give %w: then the name does not count", pin)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the hub's certificate is good from %s to %s, and this host's clock says %s",
				date(cert.NotBefore), date(cert.NotAfter), date(time.Now())),
			setting.Errorf("renew it (\"bramble-hub cert\" does for its own), set the clock, "+
				"or give %w: then dates do not count", pin)
	case errors.As(err, &unknownCA) && s.CA != "":
		return "the hub's certificate is not signed by an authority in " + s.CA,
			setting.Errorf("give %s the certificate of the authority that has signed it, or instead %w", s.ca(), pin)
	case errors.As(err, &unknownCA):
		return "the hub's certificate is signed by an unknown authority",
			setting.Errorf("give %w; or %s FILE with the certificate of the authority that has signed it", pin, s.ca())
	}
	return "the hub's certificate is not accepted: " + err.Error(), setting.Errorf("give %w", pin)
}

func names(cert *x509.Certificate) []string {
	list := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		list = append(list, ip.String())
	}
	if len(list) == 0 {
		return []string{"no host at all"}
	}
	return list[:min(len(list), 10)]
}

func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }
