package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"github.com/labstack/echo/v4"
)

// ownHost refuses requests for a host name that is not this host's, while nobody is asked who he is. A page from anywhere can have its
// name point to 127.0.0.1 once it is loaded (DNS rebinding): for the browser it is of the hub's origin then. With users it has no
// cookie, and with TLS no certificate for that name.
func (s *Server) ownHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !s.cfg.OwnHostOnly || r.TLS != nil || !s.door.open() || isOwnHost(r.Host, s.hostname) {
			return next(c)
		}
		return echo.NewHTTPError(http.StatusMisdirectedRequest, fmt.Sprintf("%s is not this host: as long as nobody is asked for a password, the hub answers to an address, "+
			"localhost and %s only. Add a user (bramble-hub user add), or start the hub with --insecure if a proxy in front asks", cut(r.Host), s.hostname))
	}
}

// hostname returns what this host is called.
func hostname() string {
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "localhost"
}

// isOwnHost reports whether host, with a port or without, is an address, localhost, or the host that is called name.
func isOwnHost(host, name string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil || host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	name = strings.ToLower(name)
	short, _, _ := strings.Cut(name, ".")
	return host == name || host == short || host == short+".local"
}
