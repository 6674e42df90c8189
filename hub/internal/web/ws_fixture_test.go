package web

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bramble-cam/bramble/hub/internal/output/ws"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// The constants of frames and limits in docs/ref/ws.md.
const (
	framePicture  = 1
	frameInit     = 2
	frameFragment = 3

	flagKey     = 1
	flagHistory = 2
	flagSkipped = 4

	maxWSSlots  = 256
	maxWSErrors = 16
)

// listedCamera is a camera in the list.
type listedCamera struct {
	ID       string
	State    status.State
	Reason   string
	Since    time.Time
	LastSeen *time.Time `json:"last_seen"`
	Host     string
	Source   string
	Format   frame.Format
	Formats  []string
	Width    int
	Height   int
	FPS      float64
	Bitrate  float64
	Viewers  int
}

// socket is a client's end of a WebSocket.
type socket struct {
	t   testing.TB
	ws  *websocket.Conn
	ctx context.Context
}

// message is a message of the hub: JSON, or a frame.
type message struct {
	Op      string
	Slot    uint32
	Kind    string
	Camera  string
	Width   int
	Height  int
	MIME    string
	Reason  string
	Version string
	Now     int64
	T       json.RawMessage
	All     bool
	Cameras []listedCamera
	Gone    []string
	Error   *problem.Problem

	frame *wsFrame
}

// wsFrame is a binary message of the hub.
type wsFrame struct {
	kind, flags                 byte
	slot                        uint32
	seq                         uint64
	captured, arrived, mediaNow int64
	payload                     []byte
}

func parseFrame(t testing.TB, data []byte) *wsFrame {
	t.Helper()
	if len(data) < 40 || data[2] != 0 || data[3] != 0 {
		t.Fatalf("a frame of %d bytes: % x", len(data), data[:min(len(data), 40)])
	}
	be := binary.BigEndian
	return &wsFrame{
		data[0], data[1], be.Uint32(data[4:]), be.Uint64(data[8:]), int64(be.Uint64(data[16:])), int64(be.Uint64(data[24:])),
		int64(be.Uint64(data[32:])), data[40:],
	}
}

// dial opens /ws and reads the greeting.
func (r *fixture) dial() *socket {
	r.t.Helper()
	return r.dialWith("/ws", nil, http.DefaultClient)
}

func (r *fixture) dialBy(client *http.Client) *socket {
	r.t.Helper()
	return r.dialWith("/ws", nil, client)
}

func (r *fixture) dialAs(path string, header http.Header) *socket {
	r.t.Helper()
	return r.dialWith(path, header, http.DefaultClient)
}

func (r *fixture) dialWith(path string, header http.Header, client *http.Client) *socket {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testutil.Timeout)
	r.t.Cleanup(cancel)
	conn, resp, err := websocket.Dial(ctx, "ws://"+r.addr+path,
		&websocket.DialOptions{HTTPHeader: header, HTTPClient: client, Subprotocols: []string{ws.Subprotocol}})
	if err != nil {
		r.t.Fatal(err)
	}
	if conn.Subprotocol() != ws.Subprotocol || resp.StatusCode != http.StatusSwitchingProtocols {
		r.t.Errorf("subprotocol %q, %s", conn.Subprotocol(), resp.Status)
	}
	conn.SetReadLimit(16 << 20)
	c := &socket{t: r.t, ws: conn, ctx: ctx}
	r.t.Cleanup(func() { _ = conn.CloseNow() }) // the hub may have closed it
	if hello := c.read(); hello.Op != "hello" || hello.Now == 0 {
		r.t.Errorf("the first message is %+v", hello)
	}
	return c
}

// say sends a JSON message.
func (c *socket) say(format string, args ...any) {
	c.t.Helper()
	if err := c.ws.Write(c.ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		c.t.Fatal(err)
	}
}

// ack acknowledges frames of a slot.
func (c *socket) ack(slot, count uint32) {
	c.t.Helper()
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, slot), count)
	if err := c.ws.Write(c.ctx, websocket.MessageBinary, b); err != nil {
		c.t.Fatal(err)
	}
}

// read returns the next message.
func (c *socket) read() message {
	c.t.Helper()
	m, err := c.next()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *socket) next() (m message, err error) {
	kind, data, err := c.ws.Read(c.ctx)
	if err != nil {
		return m, err
	}
	if kind == websocket.MessageBinary {
		m.frame = parseFrame(c.t, data)
		m.Slot = m.frame.slot
		return m, nil
	}
	if err := json.Unmarshal(data, &m); err != nil {
		c.t.Fatalf("%s: %v", data, err)
	}
	return m, nil
}

// expect returns the next message, which must have this op. A frame has the op "".
func (c *socket) expect(op string, slot uint32) message {
	c.t.Helper()
	m := c.read()
	if m.Op != op || m.Slot != slot {
		c.t.Fatalf("%+v (%+v), want %q of slot %d", m, m.Error, op, slot)
	}
	return m
}

// frame returns the next message, which must be a frame of this slot.
func (c *socket) frame(slot uint32) *wsFrame {
	c.t.Helper()
	return c.expect("", slot).frame
}

// silent checks that the hub has sent nothing else: the next message answers a ping.
func (c *socket) silent() {
	c.t.Helper()
	c.say(`{"op":"ping","t":"anything?"}`)
	if m := c.read(); m.Op != "pong" {
		c.t.Errorf("%+v, want nothing", m)
	}
}

// refused reads an error message.
func (c *socket) refused() problem.Problem {
	c.t.Helper()
	return *c.expect("error", 0).Error
}

// ends reads until the hub closes the connection, and returns the status.
func (c *socket) ends() websocket.StatusCode {
	c.t.Helper()
	for {
		if _, err := c.next(); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}
