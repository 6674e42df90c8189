package netutil_test

import (
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/netutil"
)

func TestListenAddress(t *testing.T) {
	const yes, no, bad = "yes", "no", "error"
	for addr, want := range map[string]string{
		"127.0.0.1:1": yes, "127.8.8.8:0": yes, "[::1]:1": yes, "localhost:1": yes, "[::ffff:127.0.0.1]:1": yes,
		":1": no, "0.0.0.0:1": no, "[::]:1": no, "192.168.1.5:1": no, "8.8.8.8:1": no, "[fe80::1]:1": no,
		"": bad, "127.0.0.1": bad, "::1": bad, "example.com:1": bad, "localhost": bad, "127.0.0.1:1:1": bad,
	} {
		got := no
		switch err := netutil.ValidateListen(addr); {
		case err != nil:
			got = bad
			if !strings.Contains(err.Error(), addr) {
				t.Errorf("error %q does not name %q", err, addr)
			}
		case netutil.IsLoopback(addr):
			got = yes
		}
		if got != want {
			t.Errorf("%q: %s: want %s", addr, got, want)
		}
	}
}

func TestWithoutPort(t *testing.T) {
	for addr, want := range map[string][2]bool{
		"127.0.0.1": {true, false}, "::1": {true, false}, "localhost": {true, false}, "::ffff:127.0.0.1": {true, false},
		"0.0.0.0": {false, true}, "::": {false, true}, "": {false, true}, "[::]:1": {false, true}, ":1": {false, true},
		"192.0.2.1": {}, "example.org": {}, "example.org:1": {},
	} {
		if netutil.IsLoopback(addr) != want[0] || netutil.IsUnspecified(addr) != want[1] {
			t.Errorf("%q: loopback %v, unspecified %v", addr, netutil.IsLoopback(addr), netutil.IsUnspecified(addr))
		}
	}
}

func TestKeys(t *testing.T) {
	for addr, want := range map[string][2]string{
		"192.0.2.1": {"192.0.2.1"}, "::ffff:192.0.2.1": {"192.0.2.1"}, "pipe": {"pipe"},
		"2001:db8:1:2:3:4:5:6": {"2001:db8:1:2::/64", "2001:db8:1::/48"}, "fe80::1%eth0": {"fe80::/64", "fe80::/48"},
	} {
		if netutil.AddressKey(addr) != want[0] || netutil.NetworkKey(addr) != want[1] {
			t.Errorf("%s: %s, %s", addr, netutil.AddressKey(addr), netutil.NetworkKey(addr))
		}
	}
}
