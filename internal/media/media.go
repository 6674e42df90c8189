// Package media holds what the hub's engine and its outputs have in common: codecs, tracks, packets, and what a
// subscriber wants.
//
// It knows no wire protocol, no container and no transport: those belong to the packages that read and write them.
package media

import "time"

// Codec is how the payload of a track's packets is encoded.
type Codec string

// The codecs.
const (
	JPEG Codec = "jpeg" // one complete picture per packet
	H264 Codec = "h264" // one access unit per packet, in Annex B form
)

// IntraOnly reports whether every packet decodes alone.
func (c Codec) IntraOnly() bool { return c != H264 }

// Video reports whether the codec is one of pictures.
func (c Codec) Video() bool { return c == JPEG || c == H264 }

// VideoClockRate is the number of ticks in a second of a video track's clock, as RTP and MPEG have it.
const VideoClockRate = 90000

// Params are a codec's parameters: what a decoder must know besides the packets. Each codec has its own type.
// They are never modified, and stay the same pointer until they change: compare them with ==.
type Params interface{ CodecParams() }

// Track is one elementary stream of a camera.
type Track struct {
	ID        int // place in the stream's list of tracks; packets name their track by it
	Codec     Codec
	ClockRate int    // ticks in a second
	Params    Params // in force at the newest packet; nil if there are none

	Width, Height int // of the newest picture, in pixels; 0 if unknown
}

// VideoTracks returns the tracks of a stream that has one of video and nothing else.
func VideoTracks(c Codec) []Track { return []Track{{Codec: c, ClockRate: VideoClockRate}} }

// Packet is one timed unit of a track. It is immutable once it was handed on: its payload is shared by all readers.
type Packet struct {
	Track int // Track.ID

	// Seq grows by one with each packet of a track in an epoch. A gap is a loss.
	Seq uint64

	// Epoch identifies a run of the camera: its start in Unix nanoseconds. Times of different epochs cannot be compared.
	Epoch int64

	// PTS is when the packet is to be shown, since the start of the epoch. DTS is when it is to be decoded. Both are the
	// same unless pictures are reordered.
	PTS, DTS time.Duration

	CaptureTime time.Time // on the agent's clock
	Key         bool      // a decoder can begin here; true for each packet of an IntraOnly codec
	Payload     []byte

	Params        Params // in force at this packet
	Width, Height int    // of the picture, in pixels; 0 if unknown
}
