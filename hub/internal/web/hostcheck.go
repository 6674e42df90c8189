package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/printable"
)

// ValidateHosts checks names of hosts: cams.example.org, *.example.org for all names below it, * for every name.
func ValidateHosts(names []string) error {
	for _, name := range names {
		rest := strings.TrimPrefix(name, "*.")
		if name != "*" && (rest == "" || strings.ContainsAny(rest, "*/@?# ,") || rest != bareHost(rest)) {
			return fmt.Errorf("%s: give a name without scheme, port and path such as cams.example.org, "+
				"*.example.org for all names below it, or * for every name", printable.Short(name))
		}
	}
	return nil
}

// authOffCheck refuses requests that must not reach a hub without authentication.
type authOffCheck struct {
	auth       *webauth.Auth
	proxies    trustedproxy.Proxies
	allowHosts func() []string // accepted host names, besides this host's
	hostname   string          // this host's
	insecure   bool            // answer requests through a proxy
	published  bool            // in a container, published on this host's loopback addresses only
}

// middleware refuses, while authentication is off, requests that a proxy passes on from other hosts, those for a
// foreign host name, and those of a page of another origin.
func (a *authOffCheck) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !a.auth.Off() {
			return next(c)
		}
		if err := a.rejectProxied(c); err != nil {
			return err
		}
		if err := a.rejectForeignHost(c.Request()); err != nil {
			return err
		}
		if err := a.auth.CheckForeignPage(c); err != nil {
			return err
		}
		return next(c)
	}
}

// rejectProxied refuses a request that came through a proxy, because it may not come from this host. A loopback address
// does not help where a proxy on this host passes on requests from other hosts.
func (a *authOffCheck) rejectProxied(c echo.Context) error {
	if !isProxied(c) || a.insecure || a.published && a.proxies.Sent(c.Request()) {
		return nil
	}
	return problem.New(http.StatusForbidden, "the request came through a proxy, and authentication is off: "+
		"add a user (bramble-hub user add), or start the hub with the setting insecure if everyone who reaches the "+
		"proxy may see all cameras")
}

// rejectForeignHost refuses requests for a host name that is not this host's. Any page can make its name point to
// 127.0.0.1 once it is loaded (DNS rebinding). The browser then takes it for the hub's origin. With users it has no
// cookie, and with TLS no certificate for that name. A proxy's X-Forwarded-Host is checked in addition, not instead,
// because a page may set it itself.
func (a *authOffCheck) rejectForeignHost(r *http.Request) error {
	if r.TLS != nil {
		return nil
	}
	for _, host := range []string{r.Host, a.proxies.Host(r)} {
		if !a.isOwnHost(host) {
			return problem.Newf(http.StatusMisdirectedRequest, "%s is not a name of this host, and authentication is off: "+
				"add a user (bramble-hub user add), start the hub with the setting allow-host %s, or use %s",
				printable.Short(host), printable.Short(bareHost(host)), a.describeOwnHosts())
		}
	}
	return nil
}

// describeOwnHosts describes the names of this host.
func (a *authOffCheck) describeOwnHosts() string {
	if a.published {
		return "127.0.0.1 or localhost"
	}
	return "an IP address, localhost or " + a.hostname
}

// isOwnHost reports whether host, with or without a port, is this host or matches the setting allow-host.
func (a *authOffCheck) isOwnHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(bareHost(host), "."))
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || netutil.IsLoopback(host) {
		return true
	}
	for _, name := range a.allowHosts() {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		below, wild := strings.CutPrefix(name, "*")
		if host == name || name == "*" || wild && len(host) > len(below) && strings.HasSuffix(host, below) {
			return true
		}
	}
	if a.published { // clients do not use the container's address
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	name := strings.ToLower(a.hostname)
	short, _, _ := strings.Cut(name, ".")
	return slices.Contains([]string{name, short, short + ".local"}, host)
}

// bareHost removes the port and the brackets of an IPv6 address.
func bareHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

// hostname returns the name of this host.
func hostname() string {
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "localhost"
}
