// Package frame encodes and decodes camera frames: the NATS messages on cam.<id>.jpeg and cam.<id>.h264.
//
// A consumer needs only this package and shared/subject. The normative text is docs/ref/wire.md.
package frame

import (
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/internal/printable"
)

// MaxPayload is the largest frame in bytes. It is also the max_payload of the embedded NATS server and of the NATS
// configurations that Bramble ships. There the headers count too, so a frame must be about 200 bytes smaller.
const MaxPayload = 8 << 20

// The largest picture, in pixels. A decoder allocates memory for the size that a picture states, and a JPEG of a
// thousand bytes may state 65535x65535. Larger pictures are dropped before they are decoded.
const (
	MaxSide   = 16384
	MaxPixels = 64 << 20
)

// ErrDimensions means that a picture is larger than MaxSide and MaxPixels allow.
var ErrDimensions = fmt.Errorf(
	"the picture is too large: at most %d pixels a side and %d in all are taken; make it smaller", MaxSide, MaxPixels)

// CheckSize returns an error that wraps ErrDimensions if a picture of this size must not be decoded.
func CheckSize(width, height int) error {
	if width > MaxSide || height > MaxSide || width*height > MaxPixels {
		return fmt.Errorf("%w: it says %dx%d", ErrDimensions, width, height)
	}
	return nil
}

// Format is the format of a stream's payloads. It is also the last token of the stream's subject.
type Format string

// The formats that a camera can deliver.
const (
	JPEG Format = "jpeg" // one complete JPEG picture per message
	H264 Format = "h264" // one access unit per message: Annex B, 4-byte start codes, no AUD, SPS and PPS before an IDR
)

// ParseFormat returns the format named s, or an error that lists the known ones.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case JPEG, H264:
		return f, nil
	}
	return "", fmt.Errorf("unknown format %q: known are %q and %q", printable.Truncate(s, maxShown), JPEG, H264)
}

// Frame is one timed unit of one camera: a JPEG picture or an H.264 access unit. Do not change a Frame or its
// payload after you pass it on: all viewers share it.
type Frame struct {
	Format Format

	// Seq counts the frames captured in this epoch, from 0 on. A gap is a loss.
	Seq uint64

	// PTS is the time since the start of the epoch, in whole microseconds. It never goes back within an epoch, and it is
	// the only source of MP4 times.
	PTS time.Duration

	// CaptureTime is the instant of capture on the agent's clock. The camera's status tells how good that clock is.
	CaptureTime time.Time

	// Epoch identifies one run of the stream by its start, in Unix nanoseconds. A new epoch has a new time base, and may
	// have new parameter sets.
	Epoch int64

	// Key is true for an access unit that decodes alone. It is false for every JPEG.
	Key bool

	Payload []byte
}

// Decodable reports whether a decoder can start at this frame.
func (f *Frame) Decodable() bool { return f.Key || f.Format == JPEG }
