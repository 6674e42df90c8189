package mpegts

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
)

const (
	packetSize = 188
	headerSize = 4
	videoPID   = 256

	// pesStart is how many bytes of a PES packet its length does not count. The last two are the length.
	pesStart = 6

	// timeOffset is added to all times, in ticks. The writer puts the clock reference that much before a frame's decode
	// time, and no time may be negative.
	timeOffset = 9000

	// timeMask keeps the 33 bits that a time has. Times start at 0 again after 26 hours.
	timeMask = 1<<33 - 1
)

// accessUnit is the transport packets of one access unit, without tables. The first one has the clock reference. All
// continuity counters have to be set.
type accessUnit []byte

// makeAccessUnit returns the transport packets of a packet.
func makeAccessUnit(p *stream.Packet) (accessUnit, error) {
	var all bytes.Buffer
	all.Grow(len(p.Payload) + len(p.Payload)/16 + 4*packetSize)
	w, track, err := newWriter(&all)
	if err != nil {
		return nil, err
	}
	var nalus [][]byte
	for nalu := range h264.NALUs(p.Payload) {
		nalus = append(nalus, nalu)
	}
	if err := w.WriteH264(track, ticks(p.PTS), ticks(p.DTS), nalus); err != nil {
		return nil, err
	}
	unit := accessUnit(videoOf(all.Bytes()))
	unit.setLength()
	return unit, nil
}

// setLength tells the length of the access unit in its PES header. The writer leaves it open, so that a client would
// know the end of a picture only when the next one begins. A length above 16 bits must stay open.
func (u accessUnit) setLength() {
	size := 0
	for rest := u; len(rest) >= packetSize; rest = rest[packetSize:] {
		size += packetSize - payloadAt(rest)
	}
	if size -= pesStart; size >= 0 && size <= math.MaxUint16 {
		binary.BigEndian.PutUint16(u[payloadAt(u)+pesStart-2:], uint16(size))
	}
}

// payloadAt returns where the payload of a packet begins: after its header and its adaptation field, if it has one.
func payloadAt(packet []byte) int {
	if packet[3]&0x20 != 0 {
		return headerSize + 1 + int(packet[4])
	}
	return headerSize
}

// makeTables returns a PAT and a PMT.
func makeTables() ([]byte, error) {
	var tables bytes.Buffer
	w, _, err := newWriter(&tables)
	if err == nil {
		_, err = w.WriteTables()
	}
	return tables.Bytes(), err
}

func newWriter(to *bytes.Buffer) (*mpegts.Writer, *mpegts.Track, error) {
	track := &mpegts.Track{PID: videoPID, Codec: &codecs.H264{}}
	w := &mpegts.Writer{W: to, Tracks: []*mpegts.Track{track}}
	return w, track, w.Initialize()
}

// videoOf leaves the packets of the video only.
func videoOf(packets []byte) []byte {
	video := packets[:0]
	for ; len(packets) >= packetSize; packets = packets[packetSize:] {
		if pidOf(packets) == videoPID {
			video = append(video, packets[:packetSize]...)
		}
	}
	return video
}

func pidOf(packet []byte) uint16 { return uint16(packet[1]&0x1f)<<8 | uint16(packet[2]) }

// ticks returns a time of an epoch in units of 1/90000 s.
func ticks(d time.Duration) int64 {
	seconds, rest := d/time.Second, d%time.Second
	return (int64(seconds)*90000 + int64(rest)*9/100000 + timeOffset) & timeMask
}

// markDiscontinuity tells a decoder that the clock or the counters do not continue. The first packet has an adaptation
// field, because it has the clock reference.
func markDiscontinuity(packets []byte) { packets[5] |= 0x80 }

// counters are the continuity counters of one client's packets.
type counters struct{ pat, pmt, video byte }

// number sets the continuity counters of packets.
func (c *counters) number(packets []byte) {
	for ; len(packets) >= packetSize; packets = packets[packetSize:] {
		counter := &c.pmt
		switch pidOf(packets) {
		case 0:
			counter = &c.pat
		case videoPID:
			counter = &c.video
		}
		packets[3] = packets[3]&0xf0 | *counter
		if packets[3]&0x10 != 0 { // it has a payload
			*counter = (*counter + 1) & 0x0f
		}
	}
}
