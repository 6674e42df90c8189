package golden

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// upgrade is the header of a request for a WebSocket.
func upgrade(subprotocols string, more ...string) []string {
	return append([]string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: " + subprotocols,
	}, more...)
}

// TestWebSocket has conversations over /ws.
func TestWebSocket(t *testing.T) {
	r := start(t, func(c *hub.Config) { c.AllowOrigins = []string{"https://allowed.example.org"} })
	r.populate(r.connect())
	t.Run("refused", func(t *testing.T) {
		r.on(t).record("ws-refused.txt", []request{
			{target: "/ws"}, {method: "HEAD", target: "/ws"}, {target: "/ws", header: upgrade("bramble.v2")},
			{target: "/ws", header: upgrade("")},
			{target: "/ws", header: upgrade("bramble.v1", "Origin: https://example.org")},
			{target: "/ws", header: upgrade("bramble.v1", "Host: example.org")},
			{target: "/ws", header: []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Protocol: bramble.v1"}},
		})
	})
	t.Run("conversations", func(t *testing.T) {
		var got strings.Builder
		for _, lines := range conversations() {
			got.WriteString(r.on(t).converse(lines) + "\n")
		}
		compare(t, "ws.txt", got.String())
	})
}

// conversations are what a client says on one connection each. "<" waits for a message.
func conversations() [][]string {
	tooMany := []string{"<"}
	for range 17 {
		tooMany = append(tooMany, `{"op":"dance"}`, "<")
	}
	return [][]string{
		{"<", `{"op":"ping","t":1234.5}`, "<", `{"op":"ping","t":"any","more":true}`, "<", `{"op":"ping"}`, "<"},
		{"<", `{"op":"roster"}`, "<"},
		{"<", `{"op":"watch","slot":7,"camera":"desk","kind":"jpeg","window":1}`, "<", "<", "ack 7 1", "<",
			`{"op":"unwatch","slot":7}`, "<"},
		{"<", `{"op":"watch","slot":1,"camera":"desk","kind":"jpeg","width":160,"fps":5,"quality":50,"window":1}`, "<", "<"},
		{"<", `{"op":"watch","slot":1,"camera":"yard","kind":"mp4","window":2}`, "<", "<", "<"},
		{"<", `{"op":"watch","slot":1,"camera":"gone","kind":"jpeg"}`, "<"},
		{"<", `{"op":"watch","slot":1,"camera":"desk","kind":"mp4"}`, "<"},
		{"<", `{"op":"watch","slot":1,"camera":"missing","kind":"jpeg"}`, "<"},
		{"<", `{"op":"watch","slot":1,"camera":"UPPER","kind":"jpeg"}`, "<"},
		{"<", `{"op":"watch","slot":1,"camera":"desk","kind":"gif"}`, "<"},
		{"<", `{"op":"watch","slot":1,"camera":"desk","kind":"jpeg","width":1}`, "<"},
		{"<", `{"op":"watch","slot":1,"camera":"desk","kind":"jpeg","window":65}`, "<"},
		{"<", `{"op":"watch","slot":0,"camera":"desk","kind":"jpeg"}`, "<", `{"op":"unwatch","slot":9}`, "<", "ack 9 1", "<"},
		{"<", `{"op":"watch","slot":1,"camera":"desk","kind":"gif"}`, "<",
			`{"op":"watch","slot":1,"camera":"desk","kind":"jpeg"}`, "<"},
		{"<", `{"op":"watch","slot":5,"camera":"desk","kind":"jpeg","window":1}`, "<", "<", "ack 5 2", "<"},
		{"<", `{"op":`, "<", `{"op":"dance"}`, "<", `{}`, "<", "binary", "<"},
		tooMany,
		{"<", strings.Repeat("x", 4097), "<"},
	}
}

// converse says the lines on one connection, and returns what was said on both sides.
func (r *relay) converse(lines []string) string {
	r.t.Helper()
	ws := r.dial("/ws", nil)
	defer func() { _ = ws.CloseNow() }() // all has been said
	var got strings.Builder
	for _, line := range lines {
		var err error
		var slot, count uint32
		switch _, scan := fmt.Sscanf(line, "ack %d %d", &slot, &count); {
		case line == "<":
			got.WriteString("< " + r.receive(ws) + "\n")
			continue
		case scan == nil:
			err = ws.Write(r.t.Context(), websocket.MessageBinary,
				binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, slot), count))
		case line == "binary":
			err = ws.Write(r.t.Context(), websocket.MessageBinary, []byte{1, 2, 3})
		default:
			err = ws.Write(r.t.Context(), websocket.MessageText, []byte(line))
		}
		if err != nil {
			r.t.Fatalf("%.100s: %v", line, err)
		}
		fmt.Fprintf(&got, "> %.200s\n", line)
	}
	return got.String()
}

func (r *relay) dial(path string, header http.Header) *websocket.Conn {
	r.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	r.t.Cleanup(transport.CloseIdleConnections)
	ws, resp, err := websocket.Dial(r.t.Context(), "ws://"+r.addr+path, &websocket.DialOptions{
		Subprotocols: []string{"bramble.v1"}, HTTPHeader: header, HTTPClient: &http.Client{Transport: transport},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.Body != nil {
		_ = resp.Body.Close() // it is the connection
	}
	ws.SetReadLimit(1 << 20)
	return ws
}

// receive returns the next message, or how the connection ends, without what differs from run to run.
func (r *relay) receive(ws *websocket.Conn) string {
	r.t.Helper()
	timer := time.AfterFunc(testutil.Timeout, func() { _ = ws.CloseNow() }) // a context would do so even after the read
	defer timer.Stop()
	kind, data, err := ws.Read(r.t.Context())
	if closed := new(websocket.CloseError); errors.As(err, closed) {
		return fmt.Sprintf("close %d %s", closed.Code, closed.Reason)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	if kind == websocket.MessageText {
		if !json.Valid(data) {
			r.t.Errorf("not JSON: %s", data)
		}
		return r.stable(string(data))
	}
	if len(data) < 40 {
		r.t.Fatalf("a frame of %d bytes", len(data))
	}
	now := time.Now().UnixMicro()
	if arrived := int64(binary.BigEndian.Uint64(data[24:])); arrived > now ||
		arrived < now-testutil.Timeout.Microseconds() {
		r.t.Errorf("a frame arrived at %d, now is %d", arrived, now)
	}
	clear(data[8:16])  // the number of the frame
	clear(data[24:32]) // when it arrived
	data[1] &^= 4      // frames were skipped before it
	payload := data[40:]
	text := "binary, but for frame number, arrival and the flag of skipped frames\n" + hex.Dump(data[:40])
	switch data[0] {
	case 1:
		return text + r.content(exchange{header: http.Header{"Content-Type": {"image/jpeg"}}, body: payload})
	case 3: // a fragment: mfhd's number depends on the frames before
		clear(payload[20:24])
		payload = payload[:min(len(payload), 104)]
	}
	return text + hex.Dump(payload)
}

// ended ends a session of which a WebSocket is open.
func (r *relay) ended() {
	r.t.Helper()
	ws := r.dial("/ws", http.Header{"Cookie": {r.variables["ANNA-COOKIE"]}})
	defer func() { _ = ws.CloseNow() }() // the hub has ended it
	got := "< " + r.receive(ws) + "\n"
	r.do(request{method: http.MethodPost, target: "/logout", header: []string{"Cookie: ${ANNA-COOKIE}"}})
	got += "> POST /logout\n< " + r.receive(ws) + "\n"
	compare(r.t, "ws-ended.txt", got)
}
