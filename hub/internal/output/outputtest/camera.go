package outputtest

import (
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

// FrameTime is the time between a camera's frames.
const FrameTime = 40 * time.Millisecond

// Camera is a made-up camera. Its fields may change between frames.
type Camera struct {
	*cameras.Camera

	Codec  media.Codec
	Stream *stream.Stream
	Epoch  int64
	Seq    uint64        // of the last frame
	Offset time.Duration // added to the PTS

	t   testing.TB
	hub *Hub
	id  string
}

// Captured returns the instant of capture of a frame.
func Captured(seq uint64) time.Time {
	return time.Unix(1767225600+int64(seq), 123456000) //nolint:gosec // small
}

// SetState publishes the camera's state.
func (c *Camera) SetState(state status.State) {
	c.hub.known.OnStatus(status.Status{
		Camera: c.id, Instance: "agent-" + c.id, Started: Captured(0), State: state, Since: Captured(0),
		Format: frame.Format(c.Codec), Width: 320, Height: 240, FPS: 25,
	})
}

// Append gives the stream a packet. It sets what tells packets apart.
func (c *Camera) Append(p media.Packet) {
	c.t.Helper()
	c.Seq++
	p.Seq, p.Epoch, p.CaptureTime = c.Seq, c.Epoch, Captured(c.Seq)
	p.PTS = time.Duration(c.Seq)*FrameTime + c.Offset //nolint:gosec // small
	p.DTS = p.PTS
	if !c.Stream.Append(p) {
		c.t.Fatalf("packet %d of %s is not admitted", c.Seq, c.id)
	}
}

// Picture appends a JPEG.
func (c *Camera) Picture(data []byte) {
	c.t.Helper()
	c.Append(media.Packet{Payload: data, Key: true, Width: 160, Height: 96})
}

// Access appends an access unit.
func (c *Camera) Access(u Unit) {
	c.t.Helper()
	c.Append(media.Packet{Payload: u.Data, Key: u.Key, Params: u.Params, Width: 160, Height: 96})
}

// Unit is an access unit in wire form.
type Unit struct {
	Data   []byte
	Key    bool
	Params *h264.ParamSets
}

// Units reads the access units of a fixture of internal/codec/h264 in a directory.
func Units(t testing.TB, dir, name string) (list []Unit) {
	t.Helper()
	data, err := os.ReadFile(dir + "/" + name)
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
		list = append(list, Unit{append([]byte{}, out...), info.Key, info.Params})
		au, slices = nil, 0
	}
	for nalu := range h264.NALUs(data) {
		slice := nalu[0]&0x1f == 1 || nalu[0]&0x1f == 5
		if slices > 0 && (!slice || nalu[1]&0x80 != 0) { // begins with macroblock 0, or goes before one that does
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
