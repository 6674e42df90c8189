package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// healthTimeout is how long a hub may take to say that it lives.
const healthTimeout = 3 * time.Second

// healthCommand asks a running hub whether it is alive, for supervisors that have no curl, such as a container's health
// check.
type healthCommand struct{}

// Run asks the hub that these settings describe. The error says why it does not live.
func (healthCommand) Run(cmd *cmdContext) error {
	ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
	defer cancel()
	url, err := healthURL(cmd.settings.HTTP, cmd.settings.TLSCert != "")
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// Its certificate is for the name that people use, and nothing is believed here but that it answers.
	trust := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // see above
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no hub answers: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	_, err = fmt.Fprintln(cmd.stdout, "alive")
	return err
}

// healthURL returns where a hub that listens on addr can be asked from this host.
func healthURL(addr string, secure bool) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("--http %s: %w", addr, err)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, port) + "/healthz", nil
}
