package stream

import (
	"time"

	"github.com/bramble-cam/bramble/internal/media"
)

// Packet is a packet in the ring. It is immutable: all readers share it.
type Packet struct {
	media.Packet

	Index    uint64 // position in the stream, +1 per packet, across epochs
	Arrived  time.Time
	Duration time.Duration // nominal: the time since the previous packet of its track, or the last known one

	derived derived
}

// JoinPoint is the newest packet at a cursor's last start or jump. Packets before it are preroll.
type JoinPoint struct {
	Index uint64
	PTS   time.Duration
}

// Delivery is a packet for one reader.
type Delivery struct {
	*Packet
	JoinPoint JoinPoint
	Skipped   uint64 // packets that this reader missed just before this one
	Preroll   bool   // the packet only leads the decoder to the live edge
}
