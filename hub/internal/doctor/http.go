package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/bramble-cam/bramble/internal/netutil"
)

// isFree reports whether an address is free, or else why it cannot be listened at.
func isFree(addr string) (free bool, err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false, err
	}
	return true, l.Close()
}

// localAddr is the address at which clients on this host reach a server that listens at addr.
func localAddr(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err == nil && netutil.IsUnspecified(addr) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// http looks at the address of the page.
func (e *examination) http(ctx context.Context) {
	free, err := isFree(e.cfg.HTTP)
	switch {
	case free:
		e.ok("HTTP", "%s is free", e.cfg.HTTP)
		return
	case errors.Is(err, syscall.EACCES):
		e.fail("HTTP", err.Error(), "ports below 1024 are root's: take another one with {http}, or "+
			"AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit")
		return
	case !errors.Is(err, syscall.EADDRINUSE):
		e.fail("HTTP", err.Error(), "choose another address with {http}")
		return
	}
	version, err := e.hubVersion(ctx)
	switch {
	case err != nil:
		e.fail("HTTP", fmt.Sprintf("%s is taken, and not by a hub: %v", e.cfg.HTTP, err),
			"choose another address with {http}, or end the other program: ss -ltnp shows which it is")
	case version == "":
		e.ok("HTTP", "a hub runs at %s, which tells its version to its users only", e.cfg.HTTP)
	case version != e.cfg.Version:
		e.warn("HTTP", fmt.Sprintf("the hub that runs at %s has version %s, this program %s", e.cfg.HTTP, version,
			e.cfg.Version), "restart it, if it should be this one")
	default:
		e.ok("HTTP", "a hub of this version, %s, runs at %s", version, e.cfg.HTTP)
	}
}

// hubVersion returns the version of the running hub, or "" if only users may see it. A different server is an error.
func (e *examination) hubVersion(ctx context.Context) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	scheme := "http"
	if e.cfg.TLSCert != "" {
		scheme = "https"
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // no secret is sent
		DisableKeepAlives: true,
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+localAddr(e.cfg.HTTP)+"/api/v1/hub", nil)
	if err != nil {
		return "", err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", err
	}
	var about struct {
		Version string `json:"version"`
		Root    string `json:"subject_root"`
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized &&
		strings.Contains(strings.ToLower(resp.Header.Get("WWW-Authenticate")), "bramble"):
		return "", nil
	case resp.StatusCode != http.StatusOK || json.Unmarshal(body, &about) != nil || about.Root == "":
		return "", fmt.Errorf("it answers %s", resp.Status)
	}
	return about.Version, nil
}
