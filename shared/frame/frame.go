// Package frame is the wire contract of one camera frame: what a NATS message on cam.<id>.jpeg or cam.<id>.h264 means.
//
// A consumer of its own needs this package and shared/subject, nothing else. The normative text is docs/ref/wire.md.
package frame

import (
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/internal/printable"
)

// MaxPayload is the largest frame in bytes; nothing in Bramble ever buffers a larger one. It is also the max_payload of
// the embedded server and of every shipped NATS configuration, where the headers count too: a frame within some 200
// bytes of it is refused there.
const MaxPayload = 8 << 20

// The largest picture, in pixels. A decoder takes memory for what a picture says of itself, and a JPEG of a thousand
// bytes may say 65535 by 65535: larger ones are dropped before anything decodes them.
const (
	MaxSide   = 16384
	MaxPixels = 64 << 20
)

// ErrDimensions means that a picture is larger than MaxSide and MaxPixels allow.
var ErrDimensions = fmt.Errorf(
	"the picture is too large: at most %d pixels a side and %d in all are taken; make it smaller", MaxSide, MaxPixels)

// CheckSize returns an error that wraps ErrDimensions if a picture of this width and height must not be decoded.
func CheckSize(width, height int) error {
	if width > MaxSide || height > MaxSide || width*height > MaxPixels {
		return fmt.Errorf("%w: it says %dx%d", ErrDimensions, width, height)
	}
	return nil
}

// Format says what the payload of a stream's messages is. Its value is also the last token of the subject.
type Format string

// The formats a camera can deliver.
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

// Frame is one timed unit of one camera: a JPEG picture or an H.264 access unit. A Frame that was handed on is
// immutable: its payload is shared by every viewer.
type Frame struct {
	Format Format

	// Seq grows by one with each frame captured in this epoch, from 0 on. A gap is a loss.
	Seq uint64

	// PTS is the time since the start of the epoch, in whole microseconds. It never goes back within an epoch, and it is
	// the only source of MP4 times.
	PTS time.Duration

	// CaptureTime is the instant of capture on the agent's clock. How good that clock is stands in the camera's status.
	CaptureTime time.Time

	// Epoch identifies this run of this stream: its start in Unix nanoseconds. A new one means a new time base and maybe
	// new parameter sets.
	Epoch int64

	// Key is true for an access unit that decodes alone. It is false for every JPEG, which needs no such mark.
	Key bool

	Payload []byte
}

// Decodable reports whether a decoder can start at this frame.
func (f *Frame) Decodable() bool { return f.Key || f.Format == JPEG }
