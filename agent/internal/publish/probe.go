package publish

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/setting"
)

// probeTimeout is how long one attempt may take.
const probeTimeout = 5 * time.Second

// Probe connects once, to find out whether that works. The error says for each URL why not, and what helps.
func Probe(ctx context.Context, c ConnConfig) (*nats.Conn, error) {
	trusted, err := c.Trust.Options()
	if err != nil {
		return nil, err
	}
	var errs []error
	for one := range strings.SplitSeq(c.URL, ",") {
		d := &errorDialer{ctx: ctx}
		nc, err := nats.Connect(one, slices.Concat([]nats.Option{
			nats.Name(c.Name), nats.NoReconnect(), nats.Timeout(probeTimeout), nats.FlusherTimeout(probeTimeout),
			nats.SetCustomDialer(d), nats.ErrorHandler(newAsyncErrors(c).handle),
		}, c.Credential.AgentOptions(), trusted)...)
		if err == nil {
			return nc, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, nats.ErrNoServers) && d.err != nil {
			err = d.err // nats.go does not return it
		}
		errs = append(errs, c.explain(one, err))
	}
	return nil, errors.Join(errs...)
}

// errorDialer remembers why it could not connect.
type errorDialer struct {
	ctx context.Context
	err error
}

// Dial implements nats.CustomDialer.
func (d *errorDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: probeTimeout}).DialContext(d.ctx, network, address)
	d.err = err
	return conn, err
}

// explain adds to an error what helps.
func (c ConnConfig) explain(where string, err error) error {
	host := where
	if u, bad := url.Parse(where); bad == nil {
		host = u.Host
	}
	var name *net.DNSError
	var netErr net.Error
	var cert x509.CertificateInvalidError
	help := errors.New("is the address right?")
	if what, remedy := c.Trust.Explain(err); what != "" {
		help = setting.Errorf("%s: %w", what, remedy)
	}
	switch {
	case errors.As(err, &name):
		help = errors.New(
			"this host cannot find the name: give the hub's IP address instead (\"hostname -I\" there prints it)")
	case errors.Is(err, syscall.ECONNREFUSED):
		help = errors.New(
			"the host answers, but no hub listens on this port for other hosts: on the hub, \"systemctl status " +
				"bramble-hub\" shows whether it runs, and \"sudo bramble-hub setup\" lets other hosts connect")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		help = errors.New("no route to this address: are both hosts in the same network?")
	case errors.Is(err, nats.ErrAuthorization) && !c.Credential.IsZero():
		help = errors.New(
			"the hub does not know this token: on the hub, \"sudo bramble-hub agent list\" shows the known agents, " +
				"and \"agent add\" makes a new token; copy all of it")
	case errors.Is(err, nats.ErrAuthorization):
		help = errors.New("the hub asks for a token: " + c.NoCredential)
	case errors.As(err, &cert) && cert.Reason == x509.Expired:
		help = fmt.Errorf(
			"this host's clock says %s: if that is wrong, \"timedatectl\" shows why; if it is right, the hub needs a "+
				"new certificate", time.Now().Format(time.DateTime))
	case errors.As(err, &netErr) && netErr.Timeout():
		help = errors.New(
			"nothing answers: is the address right, is the hub on, and does its firewall let this port through?")
	}
	return fmt.Errorf("%s: %w: %w", host, err, help)
}
