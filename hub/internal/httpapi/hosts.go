package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// ParseHosts checks names of --allow-host: cams.example.org, *.example.org for all names below that, * for every name.
func ParseHosts(names []string) error {
	for _, name := range names {
		rest := strings.TrimPrefix(name, "*.")
		if name != "*" && (rest == "" || strings.ContainsAny(rest, "*/@?# ,") || rest != bareHost(rest)) {
			return fmt.Errorf("--allow-host %s: give a name without scheme, port and path such as cams.example.org, "+
				"*.example.org for all names below it, or * for every name", cut(name))
		}
	}
	return nil
}

// whileOpen refuses what must not reach a hub that asks nobody for a password: what a proxy passes on from others, what
// is for a foreign host name, and what a page of another origin loads.
func (s *Server) whileOpen(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !s.door.open() {
			return next(c)
		}
		if err := s.checkPassedOn(c); err != nil {
			return err
		}
		if err := s.checkHost(c.Request()); err != nil {
			return err
		}
		if err := s.checkForeignPage(c); err != nil {
			return err
		}
		return next(c)
	}
}

// checkPassedOn refuses a request that a proxy has passed on: it is not known to come from this host's people. That
// the hub listens on this host only does not help where a proxy of this host passes everybody's requests on.
func (s *Server) checkPassedOn(c echo.Context) error {
	if !isProxied(c) || s.cfg.Insecure || s.cfg.Published && s.fromTrustedProxy(c.Request()) {
		return nil
	}
	return echo.NewHTTPError(http.StatusForbidden, "the request has come through a proxy, and nobody is asked for a "+
		"password: add a user (bramble-hub user add), or start the hub with --insecure if everybody who reaches the "+
		"proxy may see all cameras")
}

// checkHost refuses requests for a host name that is not this host's. A page from anywhere can have its name point to
// 127.0.0.1 once it is loaded (DNS rebinding): for the browser it is of the hub's origin then. With users it has no
// cookie, and with TLS no certificate for that name. What a proxy says is asked counts in addition, not instead: a
// page may set X-Forwarded-Host itself.
func (s *Server) checkHost(r *http.Request) error {
	if r.TLS != nil {
		return nil
	}
	for _, host := range []string{r.Host, s.hostAsked(r)} {
		if !s.isOwnHost(host) {
			return echo.NewHTTPError(http.StatusMisdirectedRequest, fmt.Sprintf("%s is not a name of this host: as "+
				"long as nobody is asked for a password, the hub answers to %s only. Add a user (bramble-hub user "+
				"add), or start the hub with --allow-host %s", cut(host), s.ownHosts(), cut(bareHost(host))))
		}
	}
	return nil
}

// ownHosts says which hosts are this host's.
func (s *Server) ownHosts() string {
	own := "an address, localhost, " + s.hostname
	if s.cfg.Published {
		own = "127.0.0.1, localhost"
	}
	return own + " and the names of --allow-host"
}

// isOwnHost reports whether host, with a port or without, is this host, or one of --allow-host.
func (s *Server) isOwnHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(bareHost(host), "."))
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || onThisHost(host) {
		return true
	}
	for _, name := range s.live().AllowHosts {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		below, wild := strings.CutPrefix(name, "*")
		if host == name || name == "*" || wild && len(host) > len(below) && strings.HasSuffix(host, below) {
			return true
		}
	}
	if s.cfg.Published { // an address of the container is not what people ask for
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	name := strings.ToLower(s.hostname)
	short, _, _ := strings.Cut(name, ".")
	return slices.Contains([]string{name, short, short + ".local"}, host)
}

// bareHost takes the port and the brackets of an IPv6 address off.
func bareHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.Trim(host, "[]")
}

// hostname returns what this host is called.
func hostname() string {
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "localhost"
}
