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

// restrictWhileAuthOff refuses requests that must not reach a hub without authentication: those that a proxy passes on from other
// hosts, those for a foreign host name, and those of a page of another origin.
func (s *Server) restrictWhileAuthOff(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !s.auth.Off() {
			return next(c)
		}
		if err := s.rejectProxied(c); err != nil {
			return err
		}
		if err := s.rejectForeignHost(c.Request()); err != nil {
			return err
		}
		if err := s.auth.CheckForeignPage(c); err != nil {
			return err
		}
		return next(c)
	}
}

// rejectProxied refuses a request that came through a proxy, because it may not come from this host. A loopback address
// does not help where a proxy on this host passes on requests from other hosts.
func (s *Server) rejectProxied(c echo.Context) error {
	if !isProxied(c) || s.cfg.Insecure || s.cfg.Published && s.cfg.Proxies.Sent(c.Request()) {
		return nil
	}
	return problem.New(http.StatusForbidden, "the request came through a proxy, and authentication is off: "+
		"add a user (bramble-hub user add), or start the hub with the setting insecure if everyone who reaches the "+
		"proxy may see all cameras")
}

// rejectForeignHost refuses requests for a host name that is not this host's. Any page can make its name point to 127.0.0.1
// once it is loaded (DNS rebinding). The browser then takes it for the hub's origin. With users it has no cookie, and
// with TLS no certificate for that name. A proxy's X-Forwarded-Host is checked in addition, not instead, because a page
// may set it itself.
func (s *Server) rejectForeignHost(r *http.Request) error {
	if r.TLS != nil {
		return nil
	}
	for _, host := range []string{r.Host, s.cfg.Proxies.Host(r)} {
		if !s.isOwnHost(host) {
			return problem.Newf(http.StatusMisdirectedRequest, "%s is not a name of this host: "+
				"while authentication is off, the hub answers to %s only. Add a user (bramble-hub user "+
				"add), or start the hub with the setting allow-host %s", printable.Short(host), s.describeOwnHosts(), printable.Short(bareHost(host)))
		}
	}
	return nil
}

// describeOwnHosts describes the names of this host.
func (s *Server) describeOwnHosts() string {
	own := "an address, localhost, " + s.hostname
	if s.cfg.Published {
		own = "127.0.0.1, localhost"
	}
	return own + " and the names of the setting allow-host"
}

// isOwnHost reports whether host, with or without a port, is this host or matches the setting allow-host.
func (s *Server) isOwnHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(bareHost(host), "."))
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || netutil.IsLoopback(host) {
		return true
	}
	for _, name := range s.config().AllowHosts {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		below, wild := strings.CutPrefix(name, "*")
		if host == name || name == "*" || wild && len(host) > len(below) && strings.HasSuffix(host, below) {
			return true
		}
	}
	if s.cfg.Published { // clients do not use the container's address
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	name := strings.ToLower(s.hostname)
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
