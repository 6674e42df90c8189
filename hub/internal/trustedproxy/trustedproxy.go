// Package trustedproxy reads what trusted reverse proxies report of a request: the client's address, the scheme, the
// host and the path prefix. Users that a proxy names belong to webauth.
package trustedproxy

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/printable"
)

const (
	headerFor    = "X-Forwarded-For"
	headerProto  = "X-Forwarded-Proto"
	headerHost   = "X-Forwarded-Host"
	headerPrefix = "X-Forwarded-Prefix"

	// none is the setting that trusts no proxy.
	none = "none"

	// maxHops bounds how many proxies of X-Forwarded-For are followed.
	maxHops = 16
)

// Proxies are the trusted reverse proxies. The zero value trusts loopback addresses.
type Proxies struct {
	chosen   bool // by Parse: prefixes count, even if empty
	prefixes []netip.Prefix
}

// Parse reads addresses and networks, such as 10.0.0.5 and 10.0.0.0/28. "none" alone trusts no proxy. An empty list is
// the zero value.
func Parse(list []string) (Proxies, error) {
	if len(list) == 0 {
		return Proxies{}, nil
	}
	p := Proxies{chosen: true}
	if slices.Equal(list, []string{none}) {
		return p, nil
	}
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if addr, wrong := netip.ParseAddr(text); wrong == nil {
			prefix, err = netip.PrefixFrom(addr.Unmap().WithZone(""), addr.Unmap().BitLen()), nil
		}
		if err != nil {
			return Proxies{}, fmt.Errorf("%s: give the address of the proxy such as 10.0.0.5, a network "+
				"such as 10.0.0.0/28, several joined by commas, or %s alone", printable.Line(text, 64), none)
		}
		p.prefixes = append(p.prefixes, prefix)
	}
	return p, nil
}

// Trusts reports whether an IP address is that of a trusted proxy.
func (p Proxies) Trusts(address string) bool {
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

// Sent reports whether a trusted proxy sent the request, whose X-Forwarded headers count then.
func (p Proxies) Sent(r *http.Request) bool { return p.Trusts(netutil.Host(r.RemoteAddr)) }

// ClientAddr returns the IP address of the client: that of the connection, or the one that trusted proxies report. Each
// proxy appends to X-Forwarded-For the address that its request came from. So the last address that is not a trusted
// proxy's is the client. The client itself may have written those before it.
func (p Proxies) ClientAddr(r *http.Request) string {
	address := netutil.Host(r.RemoteAddr)
	if !p.Trusts(address) {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values(headerFor), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-maxHops); i-- {
		ip, ok := parseHop(hops[i])
		if !ok {
			break
		}
		if address = ip.String(); !p.Trusts(address) {
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

// header returns a trusted proxy's header. Of several values the last counts, because the proxy itself wrote it. A
// proxy that appends leaves the earlier ones as the client sent them.
func (p Proxies) header(r *http.Request, name string) string {
	values := r.Header.Values(name)
	if len(values) == 0 || !p.Sent(r) {
		return ""
	}
	last := values[len(values)-1]
	return strings.TrimSpace(last[strings.LastIndex(last, ",")+1:])
}

// OverTLS reports whether the client's connection is encrypted: to the hub, or to a trusted proxy.
func (p Proxies) OverTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(p.header(r, headerProto), "https")
}

// Host returns the host that the client requested, with or without a port.
func (p Proxies) Host(r *http.Request) string {
	if host := p.header(r, headerHost); host != "" {
		return host
	}
	return r.Host
}

// Prefix returns the path prefix that a trusted proxy reports, without a trailing slash, or "".
func (p Proxies) Prefix(r *http.Request) string {
	prefix := strings.TrimRight(p.header(r, headerPrefix), "/")
	if !strings.HasPrefix(prefix, "/") || strings.HasPrefix(prefix, "//") {
		return ""
	}
	return prefix
}

// Clean removes the headers that proxies add, unless a trusted proxy sent them, so that no later code believes them by
// mistake. proxied reports whether there were any, trusted or not, and ignored whether X-Forwarded-For was removed.
func (p Proxies) Clean(r *http.Request) (proxied, ignored bool) {
	trusted := p.Sent(r)
	for name := range r.Header {
		if !addedByProxy(name) {
			continue
		}
		proxied = true
		if trusted {
			continue
		}
		ignored = ignored || name == headerFor
		r.Header.Del(name)
	}
	return proxied, ignored
}

// addedByProxy reports whether a header is one that proxies add to a request. Of these Proxies reads X-Forwarded-For,
// -Proto, -Host and -Prefix. It does not read Forwarded (RFC 7239).
func addedByProxy(name string) bool {
	switch name {
	case "Forwarded", "Via", "X-Real-Ip", "X-Url-Scheme":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded-")
}
