package ws

import (
	"encoding/binary"
	"time"
)

// What a frame's message holds, the first byte of its header.
const (
	framePicture  = 1 // a JPEG
	frameInit     = 2 // an MP4 init segment
	frameFragment = 3 // an MP4 fragment
)

// Flags of a frame, the second byte of its header.
const (
	flagKey     = 1 << iota // decodes alone
	flagHistory             // leads the decoder to the live edge
	flagSkipped             // frames were skipped before this one
)

// headerSize is the length in bytes of what stands in front of a frame's payload.
const headerSize = 40

// header is the header of a frame (docs/ref/ws.md, "Frames").
type header struct {
	kind, flags byte
	slot        uint32
	seq         uint64
	captured    time.Time
	arrived     time.Time
	media       int64 // microseconds on the media's time line
}

func (h header) append(dst []byte) []byte {
	be := binary.BigEndian
	dst = append(dst, h.kind, h.flags, 0, 0)
	dst = be.AppendUint32(dst, h.slot)
	dst = be.AppendUint64(dst, h.seq)
	dst = be.AppendUint64(dst, uint64(h.captured.UnixMicro()))
	dst = be.AppendUint64(dst, uint64(h.arrived.UnixMicro()))
	return be.AppendUint64(dst, uint64(h.media)) //nolint:gosec // the receiver reads an int64
}
