package fanout_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/hub/internal/fanout"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// camera makes the packets of one run of a camera, each with the next number.
type camera struct {
	epoch int64
	seq   uint64
}

func (c *camera) packet(key bool, size int) media.Packet {
	const interval = 20 * time.Millisecond
	p := media.Packet{
		Seq: c.seq, PTS: time.Duration(c.seq) * interval, CaptureTime: time.Now(), Epoch: c.epoch, Key: key,
		Payload: make([]byte, size),
	}
	c.seq++
	return p
}

// add appends one packet for each letter of gop: K is a key packet, p another one.
func (c *camera) add(s *stream.Stream, gop string) {
	for _, kind := range gop {
		s.Append(c.packet(kind == 'K', 100))
	}
}

// newGroup returns an empty stream and its group.
func newGroup(codec media.Codec) (*stream.Stream, *fanout.Group) {
	s := stream.New(stream.Config{Tracks: media.VideoTracks(codec)})
	return s, fanout.New(s)
}
