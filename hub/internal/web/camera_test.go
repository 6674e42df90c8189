package web

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// camera is a test camera with its agent. The capture time tells its frames apart.
type camera struct {
	*cameras.Camera

	t          testing.TB
	testServer *testServer
	id         string
	format     frame.Format
	stream     *stream.Stream
	epoch      int64
	seq        uint64
}

// frameTime is the distance of a camera's frames by their PTS.
const frameTime = 40 * time.Millisecond

// captured returns the capture time of a camera's n-th frame, counted from 1.
func captured(n uint64) time.Time { return time.Unix(1767225600+int64(n), 123456000) }

// say publishes a status.
func (c *camera) say(state status.State, reason string) {
	c.testServer.reg.OnStatus(c.status(state, reason))
}

func (c *camera) status(state status.State, reason string) status.Status {
	return status.Status{
		Camera: c.id, Instance: "agent-" + c.id, Started: captured(0), Host: "pi", Agent: "0.1.0", State: state,
		Reason: reason, Since: captured(0),
		Source: "pattern", Format: c.format, Width: 320, Height: 240, FPS: 25, Bitrate: 1_000_000, Frames: 7, Sent: 6,
		Clock: status.Clock{Source: "arrival", Error: -1},
	}
}

// append adds a frame to the stream. It sets the members that p leaves out.
func (c *camera) append(p media.Packet) {
	c.t.Helper()
	c.seq++
	p.Seq, p.PTS, p.CaptureTime, p.Epoch = c.seq, time.Duration(c.seq)*frameTime, captured(c.seq), c.epoch
	if !c.stream.Append(p) {
		c.t.Fatalf("frame %d of %s is not admitted", c.seq, c.id)
	}
}

// picture appends a JPEG and returns its bytes.
func (c *camera) picture() []byte {
	c.t.Helper()
	data := fmt.Appendf(nil, "\xff\xd8 %s %d.%d \xff\xd9", c.id, c.epoch, c.seq+1)
	c.append(media.Packet{Payload: data})
	return data
}

// unit is an access unit with its properties.
type unit struct {
	data   []byte
	key    bool
	params *h264.ParamSets
}

// units reads a fixture of internal/codec/h264: access units in wire form.
func units(t testing.TB, name string) (list []unit) {
	t.Helper()
	data, err := os.ReadFile("../../../internal/codec/h264/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var norm h264.Normalizer
	var au []byte
	slices := 0
	flush := func() {
		out, info, err := norm.Normalize(nil, au)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, unit{append([]byte{}, out...), info.Key, info.Params})
		au, slices = nil, 0
	}
	for nalu := range h264.NALUs(data) {
		slice := nalu[0]&0x1f == 1 || nalu[0]&0x1f == 5
		if slices > 0 && (!slice || nalu[1]&0x80 != 0) {
			// a slice that begins with macroblock 0, or something that goes before one
			flush()
		}
		if slice {
			slices++
		}
		au = append(append(au, 0, 0, 0, 1), nalu...)
	}
	flush()
	return list
}

// access appends an access unit.
func (c *camera) access(u unit) {
	c.t.Helper()
	c.append(media.Packet{Payload: u.data, Key: u.key, Params: u.params, Width: 160, Height: 96})
}

// marked returns u with an SEI before its slices. The SEI holds a number and is padded to size bytes, without start
// codes.
func (u unit) marked(n uint64, size int) unit {
	sei := append([]byte{0, 0, 0, 1, 6}, fmt.Sprintf("<%d>", n)...)
	for len(sei) < size {
		sei = append(sei, 0xaa)
	}
	var data []byte
	done := false
	for nalu := range h264.NALUs(u.data) {
		if kind := nalu[0] & 0x1f; !done && (kind == 1 || kind == 5) {
			data, done = append(data, sei...), true
		}
		data = append(append(data, 0, 0, 0, 1), nalu...)
	}
	return unit{data, u.key, u.params}
}
