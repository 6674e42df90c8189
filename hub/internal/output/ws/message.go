package ws

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/shared/subject"
)

// maxShown bounds a client's text in an error, in bytes.
const maxShown = 64

// Bounds of what a client may ask of one connection.
const (
	maxMessage = 4 << 10
	maxSlots   = 256
	maxErrors  = 16
	maxWindow  = 64
)

// How many frames of a slot may be unacknowledged if the client does not say: pictures, and access units.
const (
	pictureWindow = 2
	videoWindow   = 16
)

// request is a client's message.
type request struct {
	Op      string          `json:"op"`
	Slot    uint32          `json:"slot"`
	Camera  string          `json:"camera"`
	Kind    string          `json:"kind"`
	Width   float64         `json:"width"`
	Quality float64         `json:"quality"`
	Bitrate float64         `json:"bitrate"`
	FPS     float64         `json:"fps"`
	Window  float64         `json:"window"`
	T       json.RawMessage `json:"t"`
}

// reply is a message of the hub other than watching and roster.
type reply struct {
	Op      string           `json:"op"`
	Slot    uint32           `json:"slot,omitempty"`
	Version string           `json:"version,omitempty"`
	Reason  *string          `json:"reason,omitempty"`
	Error   *problem.Problem `json:"error,omitempty"`
	T       json.RawMessage  `json:"t,omitempty"`
	Now     int64            `json:"now,omitempty"` // Unix microseconds
}

// watching tells what frames follow.
type watching struct {
	Op     string `json:"op"`
	Slot   uint32 `json:"slot"`
	Kind   string `json:"kind"`
	Camera string `json:"camera"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	MIME   string `json:"mime"`
}

// ack is a client's acknowledgement.
type ack struct{ slot, count uint32 }

// parseAck reads a binary message.
func parseAck(data []byte) (ack, error) {
	if len(data) != 8 {
		return ack{}, fmt.Errorf("a binary message of %d bytes: an acknowledgement has 8, slot and count", len(data))
	}
	return ack{binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])}, nil
}

// handle does what a client's message asks for. An error is one of the message; the connection stays.
func (c *conn) handle(kind websocket.MessageType, data []byte) error {
	if kind == websocket.MessageBinary {
		ack, err := parseAck(data)
		if err != nil {
			return err
		}
		return c.acknowledge(ack)
	}
	var r request
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("the message cannot be read: %w", err)
	}
	switch r.Op {
	case "watch":
		return c.watch(&r)
	case "unwatch":
		return c.unwatch(r.Slot)
	case "roster":
		c.wantList()
		return nil
	case "ping":
		c.send(reply{Op: "pong", T: r.T, Now: time.Now().UnixMicro()})
		return nil
	}
	return fmt.Errorf("unknown op %q: there are watch, unwatch, roster and ping", printable.Truncate(r.Op, maxShown))
}

// slot returns the slot that a watch asks for. It does not run yet.
func (r *request) slot(c *conn) (*slot, error) {
	q := output.Params{Query: r.query()}
	o := &slot{conn: c, number: r.Slot, camera: r.Camera, credit: make(chan struct{}, 1)}
	window := float64(pictureWindow)
	kinds := c.h.cfg.Slots
	if at := slices.IndexFunc(kinds, func(s output.Spec) bool { return s.SlotKind == r.Kind }); at >= 0 && r.Kind != "" {
		o.output = kinds[at]
		o.want = q.Rendition(o.output.Codec)
		if o.want.FPS > 0 {
			o.interval = time.Duration(float64(time.Second) / o.want.FPS)
		}
		if !o.output.Codec.IntraOnly() {
			window = videoWindow
		}
	} else {
		q.Fail("kind", r.Kind, kindNames(kinds))
	}
	o.window = uint32(q.Number("window", window, 1, maxWindow))
	if subject.ValidateID(r.Camera) != nil {
		q.Fail("camera", r.Camera, "a camera's id: small letters, digits and hyphens")
	}
	return o, q.Err()
}

// kindNames lists the kinds of slots for an error: "jpeg or mp4".
func kindNames(specs []output.Spec) string {
	var names []string
	for _, s := range specs {
		names = append(names, s.SlotKind)
	}
	return strings.Join(names, " or ")
}

// query returns the members that are parameters of a URL, too: so they are checked by the same rules.
func (r *request) query() url.Values {
	v := url.Values{}
	for name, n := range map[string]float64{
		"width": r.Width, "quality": r.Quality, "bitrate": r.Bitrate, "fps": r.FPS, "window": r.Window,
	} {
		if n != 0 {
			v.Set(name, strconv.FormatFloat(n, 'g', -1, 64))
		}
	}
	return v
}

// badMessage is the problem of a message that could not be understood.
func badMessage(err error) *problem.Problem {
	return &problem.Problem{Type: "about:blank", Title: "Bad message", Status: http.StatusBadRequest, Detail: err.Error()}
}

// problem maps the error that ended a slot to what its client is told.
func (c *conn) problem(err error) *problem.Problem {
	p := problem.Of(err)
	return &p
}
