// Package netutil answers questions about network addresses: who can reach them, and which of them count as one client.
package netutil

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/bramble-cam/bramble/internal/printable"
)

// Host returns the host of HOST:PORT, or addr itself if it has no port.
func Host(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// IsLoopback reports whether an address, with or without a port, can be reached from this host only.
func IsLoopback(addr string) bool {
	host := Host(addr)
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// ValidateListen refuses addresses at which no server can listen safely: only IP addresses and localhost tell who
// can reach them.
func ValidateListen(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("address %q: write HOST:PORT: %w", addr, err)
	}
	if host != "" && host != "localhost" && net.ParseIP(host) == nil {
		return errors.New("address " + addr + ": the host must be an IP address or localhost")
	}
	return nil
}

// IsUnspecified reports whether an address, with or without a port, stands for all addresses of this host.
func IsUnspecified(addr string) bool {
	host := Host(addr)
	if host == "" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsUnspecified()
}

// AddressKey returns the key under which an IP address is counted.
// An IPv6 /64 network counts as one client, because a client has 2^64 addresses there.
func AddressKey(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return printable.Short(addr)
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	return prefix(ip, 64)
}

// NetworkKey returns the IPv6 /48 of an address, which usually belongs to one customer, or "" for IPv4.
func NetworkKey(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Unmap().Is4() {
		return ""
	}
	return prefix(ip.WithZone(""), 48)
}

func prefix(ip netip.Addr, bits int) string {
	network, err := ip.Prefix(bits)
	if err != nil {
		return ip.String()
	}
	return network.String()
}
