// Package h264 turns H.264 access units of any legal Annex B framing into the one form that travels over NATS, and
// into MP4 samples.
//
// The wire form of an access unit (docs/ref/wire.md): every NALU has a 4-byte start code in front and nothing else
// around it; no access unit delimiter, filler data or end of sequence or stream; an IDR picture has all known SPS and
// then all known PPS in front, each once.
package h264

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// Limits. They keep a hostile stream from costing memory; legal streams of cameras stay far below.
const (
	// MaxAccessUnitSize is the size in bytes of the largest access unit taken or made.
	MaxAccessUnitSize = h264.MaxAccessUnitSize

	// MaxNALUs is the number of NALUs an access unit may have. mediacommon stops at 50, but a slice for each row of
	// macroblocks, which is legal and which low-latency encoders do, makes 68 of a 1080p picture; slices cut to the size
	// of a network packet make hundreds.
	MaxNALUs = 2048

	// MaxParamSetSize is the size in bytes of the largest SPS or PPS taken.
	MaxParamSetSize = 4 << 10

	maxParamSetsSize = 64 << 10 // all of a stream's together
	maxSide          = 16880    // pixels; the longest side that level 6.2 allows (ITU-T Rec. H.264, A.3.1 h)
)

// ErrNoPicture means that an access unit has parameter sets, SEI or the like, but no slice. It is not a fault: what
// it brought is remembered, and there is nothing to hand on.
var ErrNoPicture = errors.New("access unit without a picture")

// Faults. What Normalize returns wraps one of them.
var (
	// ErrEmpty means that there are no bytes, or only start codes.
	ErrEmpty = errors.New("empty access unit")

	// ErrTooLarge means that the access unit has more than MaxAccessUnitSize bytes or MaxNALUs NALUs.
	ErrTooLarge = errors.New("access unit is too large: lower the bitrate, or use fewer slices")

	// ErrNotAnnexB means that the access unit does not begin with a start code, or that what follows it cannot be H.264.
	ErrNotAnnexB = errors.New("not an H.264 access unit in Annex B form (raw H.264 as in a .h264 file; not MP4, not RTP)")

	// ErrNoParams means that a key frame came before the parameter sets it refers to.
	ErrNoParams = errors.New("key frame without its parameter sets (SPS, PPS):" +
		" have the encoder repeat them, e.g. with rpicam-vid --inline or x264 repeat-headers=1")

	// ErrBadParams means that an SPS or PPS is too long or cannot be parsed.
	ErrBadParams = errors.New("invalid parameter set")
)

// naluType returns the type of a NALU, which has at least one byte.
func naluType(nalu []byte) h264.NALUType { return h264.NALUType(nalu[0] & 0x1f) }

func tooLarge(n, limit int, unit string) error {
	return fmt.Errorf("%w: it has %d %s, the limit is %d", ErrTooLarge, n, unit, limit)
}
