package headerlimit

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestNames: a server is known by the name in the URL, and one that only has an address by the name by which its
// cluster was found.
func TestNames(t *testing.T) {
	for _, c := range []struct{ urls, address, want string }{
		{"nats://hub.example.org:4222", "hub.example.org", "hub.example.org"},
		{"hub.example.org", "192.0.2.7", "hub.example.org"},
		{"nats://192.0.2.1,nats://hub.example.org", "192.0.2.7", "hub.example.org"},
		{"nats://192.0.2.7:4222, nats://hub.example.org", "192.0.2.7", "192.0.2.7"},
		{"nats://[2001:db8::1]:4222", "2001:db8::1", "2001:db8::1"},
		{"nats://192.0.2.1", "192.0.2.7", "192.0.2.7"},
		{"nats://a.example.org,nats://b.example.org", "b.example.org", "b.example.org"},
	} {
		o := nats.GetDefaultOptions()
		for _, set := range Options(c.urls, net.Dialer{}, tlstrust.Settings{}) {
			if err := set(&o); err != nil {
				t.Fatal(err)
			}
		}
		d, ok := o.CustomDialer.(*secureDialer)
		if !ok || !o.SkipHostLookup {
			t.Fatalf("%T, %v", o.CustomDialer, o.SkipHostLookup)
		}
		if got := d.nameOf(c.address); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.address, c.urls, got, c.want)
		}
	}
}

// TestPlain: an attacker between client and server cannot make a client that wants TLS speak without it. Text that the
// attacker sends before TLS begins does not count.
func TestPlain(t *testing.T) {
	pin := tlstrust.Settings{Fingerprints: []string{strings.Repeat("ab", 32)}, Prefix: "tls"}
	for _, c := range []struct {
		name, says, scheme string
		trust              tlstrust.Settings
		want               error
	}{
		{"no TLS", `INFO {"tls_required":false}` + "\r\n", "nats", pin, nats.ErrSecureConnWanted},
		{"no TLS, though the URL wants it", `INFO {}` + "\r\n", "tls", tlstrust.Settings{}, nats.ErrSecureConnWanted},
		{"more than the first line", `INFO {"tls_required":true}` + "\r\nPONG\r\n", "nats", pin, nats.ErrTLS},
		{"no sense", "INFO {tls_required\r\n", "nats", pin, nil},
		{"no first line", "PONG\r\n", "nats", pin, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			heard := make(chan string, 1)
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer func() { _ = conn.Close() }()
				_, _ = conn.Write([]byte(c.says)) // the client tells
				line, _ := bufio.NewReader(conn).ReadString('\n')
				heard <- line
			}()
			url := c.scheme + "://" + l.Addr().String()
			options, err := c.trust.Options()
			if err != nil {
				t.Fatal(err)
			}
			nc, err := nats.Connect(url, append(Options(url, net.Dialer{}, c.trust), options...)...)
			if err == nil {
				nc.Close()
				t.Fatal("connected")
			}
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if line := testutil.Receive(t, "what the client said", heard); line != "" {
				t.Errorf("the client said %q", line)
			}
		})
	}
}

// TestWebSocket: connections by WebSocket are made as before, and are not limited.
func TestWebSocket(t *testing.T) {
	s := testutil.StartServer(t, server.Options{Websocket: server.WebsocketOpts{Host: "127.0.0.1", Port: -1, NoTLS: true}})
	url := s.WebsocketURL()
	nc, err := nats.Connect(url, Options(url, net.Dialer{}, tlstrust.Settings{})...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	sub, err := nc.SubscribeSync("x")
	if err != nil {
		t.Fatal(err)
	}
	msg := nats.NewMsg("x")
	msg.Header.Set("K", strings.Repeat("v", 2*Max))
	if err := nc.PublishMsg(msg); err != nil {
		t.Fatal(err)
	}
	if got, err := sub.NextMsg(testutil.Timeout); err != nil || got.Header.Get("K") != msg.Header.Get("K") {
		t.Errorf("%v, %v", got, err)
	}
}
