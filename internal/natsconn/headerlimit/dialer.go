package headerlimit

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
)

// Trust says by what a server is known. Its tls.Config is asked for at each connection.
type Trust interface {
	IsZero() bool
	Config() (*tls.Config, error)
}

// Options limits the connections to urls, which are joined by commas. nats.go starts TLS above a dialer's connections,
// where the limit cannot see the plain text. So this dialer starts TLS, as nats.go would. WebSocket connections are not
// limited. The options for TLS trust are still needed: they make nats.go require TLS.
func Options(urls string, dialer net.Dialer, trust Trust) []nats.Option {
	return OptionsUpTo(0, urls, dialer, trust)
}

// OptionsUpTo are Options with which a message of more than most bytes arrives empty, without header and payload.
// nats.go would allocate memory for all of it. Requests to an agent are short, its answers are long. 0 means no
// limit.
func OptionsUpTo(most int, urls string, dialer net.Dialer, trust Trust) []nats.Option {
	d := &secureDialer{dialer: dialer, trust: trust, wanted: !trust.IsZero(), most: most}
	for one := range strings.SplitSeq(urls, ",") {
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil {
			continue // nats.go says so
		}
		if strings.HasPrefix(u.Scheme, "ws") { // nats.go speaks HTTP first, and wants to begin TLS itself
			return []nats.Option{nats.SetCustomDialer(&dialer)}
		}
		d.wanted = d.wanted || u.Scheme == "tls"
		d.hosts = append(d.hosts, u.Hostname())
	}
	// The dialer needs host names, because certificates have them.
	return []nats.Option{nats.SetCustomDialer(d), nats.SkipHostLookup()}
}

// secureDialer is a nats.CustomDialer.
type secureDialer struct {
	dialer net.Dialer
	trust  Trust
	most   int      // bytes of a message
	wanted bool     // there must be TLS
	hosts  []string // of the URLs
}

// SkipTLSHandshake tells nats.go that this is done elsewhere.
func (d *secureDialer) SkipTLSHandshake() bool { return true }

// Dial implements nats.CustomDialer.
func (d *secureDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.dialer.Dial(network, address)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &client{limitedConn: newLimitedConn(conn), dialer: d, name: d.nameOf(host)}
	c.oneLine, c.maxSize = true, d.most
	return c, nil
}

// nameOf returns the name that a server's certificate must have. Servers of a cluster tell of each other by address;
// like nats.go's, such a server must have the name by which the cluster was found.
func (d *secureDialer) nameOf(host string) string {
	if net.ParseIP(host) == nil {
		return host
	}
	name := host
	for _, known := range d.hosts {
		if known == host {
			return host
		}
		if name == host && net.ParseIP(known) == nil {
			name = known
		}
	}
	return name
}

// client is a client's end of a connection. The server speaks first; TLS begins before the client answers, if it does.
type client struct {
	*limitedConn
	dialer *secureDialer
	name   string
	begun  bool // the client has spoken
}

// Write implements net.Conn. The first one begins TLS: until it returns nats.go does nothing else with the connection.
func (c *client) Write(p []byte) (int, error) {
	if !c.begun {
		if err := c.begin(); err != nil {
			return 0, err
		}
		c.begun = true
	}
	return c.limitedConn.Conn.Write(p)
}

func (c *client) begin() error {
	var info struct {
		Required  bool `json:"tls_required"`
		Available bool `json:"tls_available"`
	}
	if line, ok := bytes.CutPrefix(c.info, []byte("INFO ")); ok {
		if err := json.Unmarshal(line, &info); err != nil {
			return fmt.Errorf("what the NATS server tells of itself: %w", err)
		}
	}
	c.info, c.oneLine = nil, false
	switch {
	case !c.dialer.wanted && !info.Required:
		return nil
	case !info.Required && !info.Available:
		return nats.ErrSecureConnWanted
	case c.r.Buffered() > 0 || len(c.line) > 0:
		// An attacker on the path has sent this in plain text, to have it taken for a part of the TLS connection.
		return fmt.Errorf("%w: the NATS server went on without it", nats.ErrTLS)
	}
	config, err := c.dialer.trust.Config()
	if err != nil {
		return err
	}
	config.ServerName = c.name
	secured := tls.Client(c.limitedConn.Conn, config)
	if err := secured.Handshake(); err != nil { // nats.go has set a deadline
		return fmt.Errorf("%w: %w", nats.ErrTLS, err)
	}
	c.limitedConn.Conn = secured
	c.r.Reset(secured)
	return nil
}
