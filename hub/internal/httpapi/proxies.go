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

	"github.com/bramble-cam/bramble/hub/internal/loglimit"
)

const (
	headerForwardedHost   = "X-Forwarded-Host"
	headerForwardedPrefix = "X-Forwarded-Prefix"

	// noProxies is the setting that trusts no proxy at all.
	noProxies = "none"

	// maxHops bounds how many proxies of X-Forwarded-For are followed.
	maxHops = 16
)

// Proxies are the reverse proxies whose word about a request counts: for whom it is, by which scheme and host, below
// which path. The zero value trusts loopback addresses.
type Proxies struct {
	chosen   bool // by ParseProxies: prefixes count, also if there are none
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

// trust reports whether an IP address is that of a proxy whose word counts.
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

// fromTrustedProxy reports whether the word of a request's sender counts, in X-Forwarded-For and the like.
func (s *Server) fromTrustedProxy(r *http.Request) bool {
	return s.cfg.Proxies.trust(hostOf(r.RemoteAddr))
}

// addressOf returns the IP address of the client that sends a request: that of the connection, or what trusted proxies
// say. Each proxy appends to X-Forwarded-For whom it got the request from. The last address that is not a trusted
// proxy's own is therefore the client: those before it are the client's own words.
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

// parseHop reads an address as proxies write it, with a port or without.
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

// forwarded returns what a trusted proxy says in a header. Of several words the last counts: it is that of the proxy
// itself, while one that passes on what it got, or appends to it, leaves those before it to the client.
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

// hostAsked returns the host that the client has asked for, with a port or without.
func (s *Server) hostAsked(r *http.Request) string {
	if host := s.forwarded(r, headerForwardedHost); host != "" {
		return host
	}
	return r.Host
}

// prefixOf returns the path of a trusted proxy below which the hub is, without a slash at its end, or "".
func (s *Server) prefixOf(r *http.Request) string {
	prefix := strings.TrimRight(s.forwarded(r, headerForwardedPrefix), "/")
	if !strings.HasPrefix(prefix, "/") || strings.HasPrefix(prefix, "//") {
		return ""
	}
	return prefix
}

// proxiedKey is where checkProxies notes in echo's context that a proxy has passed the request on.
const proxiedKey = "bramble.proxied"

// isProxied reports whether somebody says that the request has come through a proxy, trusted or not.
func isProxied(c echo.Context) bool {
	proxied, _ := c.Get(proxiedKey).(bool)
	return proxied
}

// checkProxies notes whether a request says that it came through a proxy, and takes out what is said by an address
// that is no trusted proxy. Nothing behind it can believe that by mistake.
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

// saysProxy reports whether a header is one that proxies add about a request. Of these the hub reads
// X-Forwarded-For, -Proto, -Host and -Prefix; it does not read Forwarded (RFC 7239).
func saysProxy(name string) bool {
	switch name {
	case "Forwarded", "Via", echo.HeaderXRealIP, "X-Url-Scheme":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded-")
}

// untrusted tells the operator once a minute of a proxy that the hub does not believe.
type untrusted struct {
	log    *slog.Logger
	seldom *loglimit.Limiter
}

func (u *untrusted) tell(address string) {
	if ok, kept := u.seldom.Allow("proxy", time.Now()); ok {
		u.log.Warn("X-Forwarded-For is ignored: it comes from an address that is no trusted proxy", "address", address,
			"remedy", "if your reverse proxy has this address, start the hub with --trusted-proxy "+address, "kept_back", kept)
	}
}
