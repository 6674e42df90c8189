package connlimit_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/connlimit"
)

// from is a connection from an address.
type from struct {
	net.Conn
	address string
	closed  bool
}

func (c *from) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.ParseIP(c.address), Port: 4711}
}

func (c *from) Close() error {
	c.closed = true
	return nil
}

func exempt(host string) bool { return host == "127.0.0.1" }

// TestPending: an IPv6 network counts as one address, and a connection that sent its request or ended makes room.
func TestPending(t *testing.T) {
	var refused []string
	p := connlimit.NewPending(2, exempt, func(address string) { refused = append(refused, address) })
	open := func(address string) (*from, context.Context) {
		c := &from{address: address}
		return c, p.ConnContext(t.Context(), c)
	}
	first, ctx := open("2001:db8::1")
	second, _ := open("2001:db8::2")
	third, _ := open("2001:db8::3")
	other, _ := open("192.0.2.1")
	if first.closed || second.closed || !third.closed || other.closed || len(refused) != 1 || refused[0] != "2001:db8::3" {
		t.Fatalf("closed %v %v %v %v, refused %v", first.closed, second.closed, third.closed, other.closed, refused)
	}
	p.RequestStarted(ctx)
	p.RequestStarted(t.Context()) // of a connection that does not count
	p.ConnState(second, http.StateActive)
	if n := p.Len(); n != 2 {
		t.Errorf("%d have sent no request, want the second and the other one", n)
	}
	p.ConnState(second, http.StateClosed)
	p.ConnState(second, http.StateClosed)
	for range 2 {
		if c, _ := open("2001:db8::9"); c.closed {
			t.Error("there is no room after two have gone")
		}
	}
	for range 5 {
		if c, _ := open("127.0.0.1"); c.closed {
			t.Error("an exempt address is limited")
		}
	}
}

// TestIdle: of too many idle connections the oldest is closed; an active one never is.
func TestIdle(t *testing.T) {
	closed := 0
	l := connlimit.NewIdle(2, exempt, func(string) { closed++ })
	var all []*from
	for range 4 {
		all = append(all, &from{address: "192.0.2.1"})
	}
	for _, c := range all {
		l.ConnState(c, http.StateNew)
		l.ConnState(c, http.StateIdle)
		if c == all[0] {
			l.ConnState(c, http.StateActive)
		}
	}
	if all[0].closed || !all[1].closed || all[2].closed || all[3].closed || closed != 1 || l.Len() != 2 {
		t.Errorf("closed %v %v %v %v, %d are counted, %d left",
			all[0].closed, all[1].closed, all[2].closed, all[3].closed, closed, l.Len())
	}
	for _, c := range all {
		l.ConnState(c, http.StateClosed)
	}
	if l.Len() != 0 {
		t.Errorf("%d are left", l.Len())
	}
}
