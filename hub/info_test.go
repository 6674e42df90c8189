package hub

import (
	"encoding/json"
	"net"
	"reflect"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/apiv1"
)

// What agents are told never holds credentials, and says whether another host can reach it.
func TestAbout(t *testing.T) {
	page := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	for name, test := range map[string]struct {
		external, listens string
		want              apiv1.NATS
	}{
		"embedded, this host": {"", "127.0.0.1:0", apiv1.NATS{URLs: []string{"nats://x:4222"}, Loopback: true,
			Embedded: true}}, "embedded, one address": {"", "192.168.1.5:4222",
			apiv1.NATS{URLs: []string{"nats://x:4222"}, Embedded: true}},
		"embedded, all addresses": {"", "0.0.0.0:0", apiv1.NATS{URLs: []string{"nats://x:4222"}, AnyHost: true,
			Embedded: true}}, "embedded, all, IPv6": {"", "[::]:0", apiv1.NATS{URLs: []string{"nats://x:4222"}, AnyHost: true,
			Embedded: true}},
		"external": {"nats://me:secret@a:4222, tls://b:4222", "",
			apiv1.NATS{URLs: []string{"nats://a:4222", "tls://b:4222"}}},
		"external, short": {"localhost", "", apiv1.NATS{URLs: []string{"nats://localhost"}, Loopback: true}},
	} {
		h, err := New(Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", NATSURL: test.external, Version: "1.2.3",
			SubjectRoot: "yard"})
		if err != nil {
			t.Fatal(err)
		}
		h.natsListenAddr = test.listens
		want := apiv1.Info{Version: "1.2.3", SubjectRoot: "yard", NATS: test.want, Loopback: true}
		if got := h.info("nats://x:4222", page); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// A hub that runs tells where its NATS is.
func TestAboutIsServed(t *testing.T) {
	page, natsURL, _ := start(t, Config{})
	_, body := get(t, page+"/api/v1/hub")
	var got struct{ NATS struct{ URLs []string } }
	if err := json.Unmarshal(body, &got); err != nil || len(got.NATS.URLs) != 1 || got.NATS.URLs[0] != natsURL {
		t.Errorf("%s, %v; want %s", body, err, natsURL)
	}
}

// An origin that no browser sends is refused with what it should look like.
func TestAllowOrigins(t *testing.T) {
	for origin, ok := range map[string]bool{
		"https://example.org": true, "http://pi:8080": true, "*": true, "example.org": false, "https://example.org/": false,
		"https://example.org/page": false, "https://*.org/x": false, "": false,
	} {
		_, err := New(Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", AllowOrigins: []string{origin}})
		if (err == nil) != ok {
			t.Errorf("%q: %v", origin, err)
		}
	}
}
