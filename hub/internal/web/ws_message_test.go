package web

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/bramble-cam/bramble/hub/internal/output/ws"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestWSPing: a ping is answered with the hub's clock and the client's own value.
func TestWSPing(t *testing.T) {
	c := newFixture(t, stream.Config{}).dial()
	c.say(`{"op":"ping","t":1234.5}`)
	if m := c.expect("pong", 0); string(m.T) != "1234.5" || m.Now == 0 {
		t.Errorf("%+v", m)
	}
	c.say(`{"op":"ping"}`)
	if m := c.expect("pong", 0); m.T != nil {
		t.Errorf("%+v", m)
	}
}

// TestWSBadMessages: an invalid message is answered with an error, and the connection stays.
func TestWSBadMessages(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	r.camera("desk", frame.JPEG).picture()
	for _, test := range []struct {
		name string
		send func(*socket)
		says string
	}{
		{"no JSON", func(c *socket) { c.say("hello") }, "cannot be read"},
		{"an array", func(c *socket) { c.say("[]") }, "cannot be read"},
		{"nothing", func(c *socket) { c.say("") }, "cannot be read"},
		{"two objects", func(c *socket) { c.say(`{"op":"roster"}{}`) }, "cannot be read"},
		{"no op", func(c *socket) { c.say("{}") }, "watch, unwatch, roster and ping"},
		{"unknown op", func(c *socket) { c.say(`{"op":"dance"}`) }, "dance"},
		{"slot 0", func(c *socket) { c.say(`{"op":"watch","slot":0,"camera":"desk","kind":"jpeg"}`) }, "from 1"},
		{"slot too large", func(c *socket) { c.say(`{"op":"watch","slot":4294967296,"camera":"desk","kind":"jpeg"}`) },
			"cannot be read"},
		{"slot below 0", func(c *socket) { c.say(`{"op":"watch","slot":-1,"camera":"desk","kind":"jpeg"}`) },
			"cannot be read"},
		{"reused slot", func(c *socket) { c.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg"}`) },
			"slot 1 has been used"},
		{"unwatch of nothing", func(c *socket) { c.say(`{"op":"unwatch","slot":9}`) }, "slot 9"},
		{"ack of nothing", func(c *socket) { c.ack(9, 1) }, "slot 9"},
		{"ack of slot 0", func(c *socket) { c.ack(0, 0) }, "slot 0"},
		{"ack beyond sent", func(c *socket) { c.ack(1, 2) }, "2 frames acknowledged, 1 sent"},
		{"short ack", func(c *socket) { c.write(websocket.MessageBinary, []byte("\x00\x00\x00\x01")) }, "4 bytes"},
		{"long ack", func(c *socket) { c.write(websocket.MessageBinary, make([]byte, 9)) }, "9 bytes"},
		{"empty ack", func(c *socket) { c.write(websocket.MessageBinary, nil) }, "0 bytes"},
		{"as long as may be", func(c *socket) { c.say(`{"op":"%s"}`, strings.Repeat("x", 4<<10-9)) }, "unknown op"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := r.dial()
			c.t = t
			c.say(`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg"}`)
			c.expect("watching", 1)
			c.frame(1)
			test.send(c)
			if p := c.refused(); p.Status != 400 || p.Type != "about:blank" || !strings.Contains(p.Detail, test.says) {
				t.Errorf("%+v, want %q", p, test.says)
			}
			c.silent()
		})
	}
}

func (c *socket) write(kind websocket.MessageType, data []byte) {
	c.t.Helper()
	if err := c.ws.Write(c.ctx, kind, data); err != nil {
		c.t.Fatal(err)
	}
}

// TestWSTooMuch: too many invalid messages, or a message that is too long, close the connection.
func TestWSTooMuch(t *testing.T) {
	r := newFixture(t, stream.Config{})
	c := r.dial()
	for range maxWSErrors - 1 {
		c.say("x")
		c.refused()
	}
	c.silent()
	c.say("x")
	c.refused()
	if got := c.ends(); got != websocket.StatusPolicyViolation {
		t.Errorf("closed with %v", got)
	}
	c = r.dial()
	c.say("%s", strings.Repeat("x", 4<<10+1))
	if got := c.ends(); got != websocket.StatusMessageTooBig {
		t.Errorf("closed with %v", got)
	}
}

// TestWSWatchRefused: a watch that cannot be served ends with the reason that HTTP gives. Its slot is used up, and
// later messages about it are not errors.
func TestWSWatchRefused(t *testing.T) {
	r := newFixture(t, stream.Config{})
	r.camera("desk", frame.JPEG)
	c := r.dial()
	for i, test := range []struct {
		watch string
		want  problem.Problem
	}{
		{`"camera":"missing","kind":"jpeg"`,
			problem.Problem{Title: "Unknown camera", Status: 404, Cameras: []string{"desk"}}},
		{`"camera":"NO","kind":"jpeg"`, problem.Problem{Title: "Bad parameter", Status: 400, Parameter: "camera"}},
		{`"camera":"desk"`, problem.Problem{Title: "Bad parameter", Status: 400, Parameter: "kind"}},
		{`"camera":"desk","kind":"h264"`, problem.Problem{Title: "Bad parameter", Status: 400, Parameter: "kind"}},
		{`"camera":"desk","kind":"jpeg","width":15`, problem.Problem{Title: "Bad parameter", Status: 400,
			Parameter: "width"}},
		{`"camera":"desk","kind":"jpeg","quality":101`, problem.Problem{Title: "Bad parameter", Status: 400,
			Parameter: "quality"}},
		{`"camera":"desk","kind":"jpeg","fps":0.01`, problem.Problem{Title: "Bad parameter", Status: 400, Parameter: "fps"}},
		{`"camera":"desk","kind":"mp4","bitrate":1`, problem.Problem{Title: "Bad parameter", Status: 400,
			Parameter: "bitrate"}},
		{`"camera":"desk","kind":"jpeg","window":65`, problem.Problem{Title: "Bad parameter", Status: 400,
			Parameter: "window"}},
		{`"camera":"desk","kind":"jpeg","window":-1`, problem.Problem{Title: "Bad parameter", Status: 400,
			Parameter: "window"}},
		{`"camera":"desk","kind":"mp4"`, problem.Problem{Title: "ffmpeg is not installed", Status: 503}},
	} {
		slot := uint32(i + 1)
		c.say(`{"op":"watch","slot":%d,%s}`, slot, test.watch)
		got := c.expect("ended", slot).Error
		if got == nil || got.Title != test.want.Title || got.Status != test.want.Status ||
			got.Parameter != test.want.Parameter || fmt.Sprint(got.Cameras) != fmt.Sprint(test.want.Cameras) ||
			got.Detail == "" {
			t.Errorf("%s: %+v", test.watch, got)
		}
		c.ack(slot, 7)
		c.say(`{"op":"unwatch","slot":%d}`, slot)
		c.silent()
	}
}

// TestWSSlots: a connection has at most 256 slots at a time.
func TestWSSlots(t *testing.T) {
	r := newFixture(t, stream.Config{}, withoutIdle)
	desk := r.camera("desk", frame.JPEG)
	c := r.dial()
	for n := range maxWSSlots {
		c.say(`{"op":"watch","slot":%d,"camera":"desk","kind":"jpeg"}`, n+1)
	}
	desk.viewers(maxWSSlots)
	c.say(`{"op":"watch","slot":257,"camera":"desk","kind":"jpeg"}`)
	if p := c.expect("ended", 257).Error; p == nil || p.Status != http.StatusTooManyRequests ||
		!strings.Contains(p.Detail, "256") {
		t.Errorf("%+v", p)
	}
	c.say(`{"op":"unwatch","slot":100}`)
	c.expect("ended", 100)
	c.say(`{"op":"watch","slot":258,"camera":"desk","kind":"jpeg"}`)
	want := desk.picture()
	for seen := map[uint32]bool{}; len(seen) < maxWSSlots; {
		m := c.read()
		if m.frame == nil {
			continue
		}
		if seen[m.Slot] || m.Slot == 100 || m.Slot == 257 || !bytes.Equal(m.frame.payload, want) {
			t.Fatalf("slot %d, %q", m.Slot, m.frame.payload)
		}
		seen[m.Slot] = true
	}
	values, _ := r.scrape()
	if values["bramble_hub_websockets"] != "1" || values[`bramble_hub_viewers{camera="desk",format="mjpeg"}`] != "256" {
		t.Errorf("%s WebSockets, %s viewers", values["bramble_hub_websockets"],
			values[`bramble_hub_viewers{camera="desk",format="mjpeg"}`])
	}
	_ = c.ws.CloseNow() // as a browser may
	desk.viewers(0)
	testutil.Eventually(t, "no WebSocket", func() bool { return r.srv.ws.Len() == 0 })
}

// TestWSHandshake: a wrong request for the WebSocket is answered with what to do.
func TestWSHandshake(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.cfg.AllowOrigins = []string{"https://friend.example.org"} })
	upgrade := map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "other, " + ws.Subprotocol,
	}
	for _, test := range []struct {
		name, header, value string
		status              int
	}{
		{"all right", "X-Nothing", "", 101},
		{"no Upgrade", "Upgrade", "", 426},
		{"no Connection", "Connection", "", 426},
		{"old", "Sec-WebSocket-Version", "8", 400},
		{"no key", "Sec-WebSocket-Key", "", 400},
		{"no ws.Subprotocol", "Sec-WebSocket-Protocol", "", 400},
		{"another ws.Subprotocol", "Sec-WebSocket-Protocol", "bramble.v2", 400},
		{"own origin", "Origin", "http://" + r.addr, 101},
		{"another origin", "Origin", "http://elsewhere.example.org", 403},
		{"an opaque origin", "Origin", "null", 403},
		{"a friend", "Origin", "https://friend.example.org", 101},
		{"a friend without TLS", "Origin", "http://friend.example.org", 403},
		{"another site", "Sec-Fetch-Site", "cross-site", 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			var header []string
			for name, value := range upgrade {
				if name != test.header {
					header = append(header, name, value)
				}
			}
			if test.value != "" {
				header = append(header, test.header, test.value)
			}
			resp, body := r.handshake(t, header...)
			if resp.StatusCode != test.status {
				t.Fatalf("%s %s", resp.Status, body)
			}
			if test.status != 101 && resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%v %s", resp.Header, body)
			}
		})
	}
	resp, _ := r.do(http.MethodHead, "/ws")
	if resp.StatusCode != 426 || resp.Header.Get("Upgrade") != "websocket" {
		t.Errorf("HEAD: %s, %v", resp.Status, resp.Header)
	}
}

// handshake sends a request for /ws and returns the head of the answer, with the body unless it is a WebSocket.
func (r *fixture) handshake(t *testing.T, header ...string) (*http.Response, []byte) {
	t.Helper()
	text := "GET /ws HTTP/1.1\r\nHost: " + r.addr + "\r\n"
	for i := 0; i < len(header); i += 2 {
		text += header[i] + ": " + header[i+1] + "\r\n"
	}
	c := r.send(text + "\r\n")
	defer func() { _ = c.Close() }() // the hub finds out
	c.head()
	if c.resp.StatusCode == http.StatusSwitchingProtocols {
		return c.resp, nil
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(c.resp.Body); err != nil {
		t.Fatal(err)
	}
	return c.resp, body.Bytes()
}

// FuzzWSMessage sends any message. The hub answers or reports an error, and its memory is bounded.
func FuzzWSMessage(f *testing.F) {
	for _, text := range []string{
		`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg","width":320,"quality":80,"fps":5,"window":2}`,
		`{"op":"watch","slot":2,"camera":"desk","kind":"mp4","bitrate":100000}`,
		`{"op":"unwatch","slot":1}`, `{"op":"roster"}`, `{"op":"ping","t":1}`, `{"op":"watch","slot":1e3,"fps":-1}`,
		`{"op":1}`, `null`, `{"op":"ping","t":{"a":[1e999]}}`, "\xff",
	} {
		f.Add(false, []byte(text))
	}
	f.Add(true, []byte("\x00\x00\x00\x01\x00\x00\x00\x01"))
	f.Add(true, []byte{})
	r := newFixture(f, stream.Config{}, withoutIdle)
	r.camera("desk", frame.JPEG).picture()
	abrupt := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network,
		addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = conn.(*net.TCPConn).SetLinger(0) // thousands of connections a second would use up the host's ports
		}
		return conn, err
	}}}
	f.Fuzz(func(t *testing.T, binary bool, data []byte) {
		if len(data) > 4<<10 {
			data = data[:4<<10]
		}
		c := &fixture{testServer: &testServer{t: t}, addr: r.addr}
		s := c.dialBy(abrupt)
		kind := websocket.MessageText
		if binary {
			kind = websocket.MessageBinary
		}
		s.write(kind, data)
		s.say(`{"op":"ping","t":"still there?"}`)
		for m := s.read(); string(m.T) != `"still there?"`; m = s.read() {
			if m.Error != nil && (m.Error.Status < 400 || m.Error.Status >= 600 || m.Error.Status == 500) {
				t.Errorf("%q: %+v", data, m.Error)
			}
		}
		_ = s.ws.CloseNow() // the hub may have closed it
	})
}

// TestWSOverHTTP2: a WebSocket over HTTP/2 is refused with the reason.
func TestWSOverHTTP2(t *testing.T) {
	r := newHTTP2(t, newTestServer(t, stream.Config{}))
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://"+r.addr+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // its text does not matter
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("%s %s", resp.Proto, resp.Status)
	}
}
