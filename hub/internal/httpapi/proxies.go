package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/internal/loglimit"
)

const (
	headerForwardedHost   = "X-Forwarded-Host"
	headerForwardedPrefix = "X-Forwarded-Prefix"

	// noProxies is the setting that trusts no proxy.
	noProxies = "none"

	// maxHops bounds how many proxies of X-Forwarded-For are followed.
	maxHops = 16
)

// Proxies are the trusted reverse proxies. Their headers set a request's client address, scheme, host and path prefix.
// The zero value trusts loopback addresses.
type Proxies struct {
	chosen   bool // by ParseProxies: prefixes count, even if empty
	prefixes []netip.Prefix
}

// ParseProxies reads addresses and networks, such as 10.0.0.5 and 10.0.0.0/28. "none" alone trusts no proxy. An empty
// list is the zero value.
func ParseProxies(list []string) (Proxies, error) {
	if len(list) == 0 {
		return Proxies{}, nil
	}
	p := Proxies{chosen: true}
	if slices.Equal(list, []string{noProxies}) {
		return p, nil
	}
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if addr, wrong := netip.ParseAddr(text); wrong == nil {
			prefix, err = netip.PrefixFrom(addr.Unmap().WithZone(""), addr.Unmap().BitLen()), nil
		}
		if err != nil {
			return Proxies{}, fmt.Errorf("--trusted-proxy %s: give the address of the proxy such as 10.0.0.5, a network "+
				"such as 10.0.0.0/28, several joined by commas, or %s alone", cut(text), noProxies)
		}
		p.prefixes = append(p.prefixes, prefix)
	}
	return p, nil
}

// trust reports whether an IP address is that of a trusted proxy.
func (p Proxies) trust(address string) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	if !p.chosen {
		return ip.IsLoopback()
	}
	return slices.ContainsFunc(p.prefixes, func(n netip.Prefix) bool { return n.Contains(ip) })
}

// fromTrustedProxy reports whether a trusted proxy sent the request, so that X-Forwarded-For and the like count.
func (s *Server) fromTrustedProxy(r *http.Request) bool {
	return s.cfg.Proxies.trust(hostOf(r.RemoteAddr))
}

// addressOf returns the IP address of the client: that of the connection, or the one that trusted proxies report. Each
// proxy appends to X-Forwarded-For the address that its request came from. So the last address that is not a trusted
// proxy's is the client. The client itself may have written those before it.
func (s *Server) addressOf(r *http.Request) string {
	address := hostOf(r.RemoteAddr)
	if !s.cfg.Proxies.trust(address) {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values(echo.HeaderXForwardedFor), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-maxHops); i-- {
		ip, ok := parseHop(hops[i])
		if !ok {
			break
		}
		if address = ip.String(); !s.cfg.Proxies.trust(address) {
			break
		}
	}
	return address
}

// parseHop reads an address as proxies write it, with or without a port.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	ip, err := netip.ParseAddr(text)
	if err != nil {
		withPort, wrong := netip.ParseAddrPort(text)
		if ip, err = withPort.Addr(), wrong; err != nil {
			if ip, err = netip.ParseAddr(strings.Trim(text, "[]")); err != nil {
				return ip, false
			}
		}
	}
	return ip.Unmap().WithZone(""), true
}

// forwarded returns a trusted proxy's header. Of several values the last counts, because the proxy itself wrote it. A
// proxy that appends leaves the earlier ones as the client sent them.
func (s *Server) forwarded(r *http.Request, header string) string {
	words := r.Header.Values(header)
	if len(words) == 0 || !s.fromTrustedProxy(r) {
		return ""
	}
	last := words[len(words)-1]
	return strings.TrimSpace(last[strings.LastIndex(last, ",")+1:])
}

// overTLS reports whether the client's connection is encrypted: to the hub, or to a trusted proxy.
func (s *Server) overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(s.forwarded(r, echo.HeaderXForwardedProto), "https")
}

// hostAsked returns the host that the client requested, with or without a port.
func (s *Server) hostAsked(r *http.Request) string {
	if host := s.forwarded(r, headerForwardedHost); host != "" {
		return host
	}
	return r.Host
}

// prefixOf returns the path prefix that a trusted proxy reports, without a trailing slash, or "".
func (s *Server) prefixOf(r *http.Request) string {
	prefix := strings.TrimRight(s.forwarded(r, headerForwardedPrefix), "/")
	if !strings.HasPrefix(prefix, "/") || strings.HasPrefix(prefix, "//") {
		return ""
	}
	return prefix
}

// proxiedKey is where checkProxies records in echo's context that a request came through a proxy.
const proxiedKey = "bramble.proxied"

// isProxied reports whether headers say that the request came through a proxy, trusted or not.
func isProxied(c echo.Context) bool {
	proxied, _ := c.Get(proxiedKey).(bool)
	return proxied
}

// checkProxies records whether a request says that it came through a proxy. It removes such headers unless a trusted
// proxy sent them, so that no later code believes them by mistake.
func (s *Server) checkProxies(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		trusted := s.fromTrustedProxy(r)
		for name := range r.Header {
			if !saysProxy(name) {
				continue
			}
			c.Set(proxiedKey, true)
			if trusted {
				continue
			}
			if name == echo.HeaderXForwardedFor {
				s.untrusted.tell(hostOf(r.RemoteAddr))
			}
			r.Header.Del(name)
		}
		return next(c)
	}
}

// saysProxy reports whether a header is one that proxies add to a request. Of these the hub reads X-Forwarded-For,
// -Proto, -Host and -Prefix. It does not read Forwarded (RFC 7239).
func saysProxy(name string) bool {
	switch name {
	case "Forwarded", "Via", echo.HeaderXRealIP, "X-Url-Scheme":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded-")
}

// untrusted warns the operator, once a minute, of a proxy that the hub does not trust.
type untrusted struct {
	log    *slog.Logger
	seldom *loglimit.Limiter
}

func (u *untrusted) tell(address string) {
	if ok, kept := u.seldom.Allow("proxy", time.Now()); ok {
		u.log.Warn("X-Forwarded-For is ignored: it comes from an address that is not a trusted proxy", "address", address,
			"remedy", "if your reverse proxy has this address, start the hub with --trusted-proxy "+address, "kept_back", kept)
	}
}
