package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/certs"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
)

// secure makes a certificate for the addresses that setup opens, or for all with --tls, and returns the settings that
// name it. Addresses that other hosts already reach stay without TLS unless --tls is given: their clients would be
// disconnected.
func (c *setupCommand) secure(
	cmd *cmdContext, opened []string, b *credstore.Snapshot,
) (set []config.KeyValue, err error) {
	s := cmd.settings
	if c.TLS != nil && !*c.TLS {
		return nil, nil
	}
	forced := c.TLS != nil
	web := s.TLSCert == "" && (forced || slices.Contains(opened, "http"))
	bus := s.NATSTLSCert == "" && s.NATSURL == "" && s.NATSConfig == "" && (forced || slices.Contains(opened, "nats"))
	known := knownClients(b)
	if bus && !forced && len(known) > 0 {
		bus = false
	}
	if web || bus {
		if set, err = c.certify(cmd, web, bus); err != nil {
			return nil, err
		}
	}
	if s.TLSCert == "" {
		cmd.log.Warn("the page has no TLS: passwords and pictures cross the network in the clear",
			"remedy", "sudo bramble-hub setup --tls")
	}
	if s.NATSTLSCert == "" && s.NATSURL == "" && s.NATSConfig == "" {
		cmd.log.Warn("NATS has no TLS: pictures cross the network in the clear. "+
			"This stays so because TLS would disconnect the agents and consumers that are already known",
			"known", known, "remedy", "sudo bramble-hub setup --tls, which prints what to do on their hosts")
	}
	if forced && bus && len(known) > 0 {
		cmd.log.Warn("agents and consumers that connected without TLS are disconnected until they are configured for TLS",
			"known", known, "on_their_hosts", c.joinCommandWithTLS(cmd))
	}
	return set, nil
}

// certify ensures a certificate in the state directory. It returns the settings that name it, for the page, for NATS or
// for both.
func (c *setupCommand) certify(cmd *cmdContext, web, bus bool) (set []config.KeyValue, err error) {
	names, err := certs.HostNames()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(cmd.settings.Credentials))
	if err != nil {
		return nil, err
	}
	o := certs.SelfSignedParams{
		Cert: filepath.Join(dir, "hub.pem"), Key: filepath.Join(dir, "hub.key"), Names: names, Valid: certLife,
	}
	cert, made, err := certs.Ensure(o)
	if err != nil {
		return nil, fmt.Errorf("%w; or leave TLS out with --no-tls", err)
	}
	if made {
		cmd.log.Info("certificate made", "audit", "cert", "cert", o.Cert, "key", o.Key,
			"fingerprint", tlstrust.Fingerprint(cert), "expires", cert.NotAfter.UTC().Format(time.RFC3339))
	}
	if web {
		cmd.settings.TLSCert, cmd.settings.TLSKey = o.Cert, o.Key
		set = append(set, config.KeyValue{Key: "tls-cert", Value: o.Cert}, config.KeyValue{Key: "tls-key", Value: o.Key})
	}
	if bus {
		cmd.settings.NATSTLSCert, cmd.settings.NATSTLSKey = o.Cert, o.Key
		set = append(set, config.KeyValue{Key: "nats-tls-cert", Value: o.Cert})
		set = append(set, config.KeyValue{Key: "nats-tls-key", Value: o.Key})
	}
	if web {
		cmd.log.Info("browsers warn about this self-signed certificate: "+
			"compare it with what the browser shows, then accept it",
			"certificate_sha256", certs.Sum(cert), "more", "docs/guide/tls.md")
	}
	return set, nil
}

// knownClients returns the names of the agents and consumers that are known.
func knownClients(b *credstore.Snapshot) (names []string) {
	for _, a := range b.Agents() {
		names = append(names, a.Name)
	}
	for _, c := range b.Consumers() {
		names = append(names, c.Name)
	}
	return names
}

// joinCommandWithTLS is the command with which an agent that already has its token joins by TLS.
func (c *setupCommand) joinCommandWithTLS(cmd *cmdContext) string {
	url, _ := cmd.natsURL()
	trusts, err := cmd.trustFlags()
	if err != nil { // certify has just read the files
		trusts = " --tls-fingerprint sha256:..."
	}
	return "sudo bramble-agent join " + url + trusts + " --token-file /etc/bramble/agent.credential"
}
