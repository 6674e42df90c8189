package transcode

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/bramble-cam/bramble/internal/codec/h264"
)

// tick is the unit of the times in what ffmpeg is fed with. Finer ones do not survive: ffmpeg rounds some times to
// microseconds.
const tick = time.Microsecond

// Element ids of Matroska (RFC 9559, section 5.1).
const (
	idEBML            = 0x1a45dfa3
	idDocType         = 0x4282
	idDocTypeVersion  = 0x4287
	idDocTypeReadable = 0x4285
	idSegment         = 0x18538067
	idInfo            = 0x1549a966
	idTimestampScale  = 0x2ad7b1
	idTracks          = 0x1654ae6b
	idTrackEntry      = 0xae
	idTrackNumber     = 0xd7
	idTrackUID        = 0x73c5
	idTrackType       = 0x83
	idCodecID         = 0x86
	idCodecPrivate    = 0x63a2
	idDefaultDuration = 0x23e383
	idVideo           = 0xe0
	idPixelWidth      = 0xb0
	idPixelHeight     = 0xba
	idCluster         = 0x1f43b675
	idTimestamp       = 0xe7
	idSimpleBlock     = 0xa3
)

// mkvHeader returns the head of an endless Matroska stream with one video track: H.264 in AVCC form with these
// parameter sets, or JPEG if they are nil. It exists because it lets ffmpeg know where each frame ends and which one
// it is: in raw streams a frame ends where the next one begins, which costs a frame's time, and has no number.
func mkvHeader(params *h264.ParamSets, width, height int, interval time.Duration) []byte {
	track := number(nil, idTrackNumber, 1)
	track = number(track, idTrackUID, 1)
	track = number(track, idTrackType, 1) // video
	track = number(track, idDefaultDuration, int64(interval))
	if params == nil {
		track = element(track, idCodecID, []byte("V_MJPEG"))
	} else {
		track = element(track, idCodecID, []byte("V_MPEG4/ISO/AVC"))
		track = element(track, idCodecPrivate, avcConfig(params))
	}
	size := number(nil, idPixelWidth, int64(width))
	track = element(track, idVideo, number(size, idPixelHeight, int64(height)))

	head := element(nil, idDocType, []byte("matroska"))
	head = number(head, idDocTypeVersion, 4)
	out := element(nil, idEBML, number(head, idDocTypeReadable, 2))
	out = append(appendID(out, idSegment), 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // of unknown size
	out = element(out, idInfo, number(nil, idTimestampScale, int64(tick)))
	return element(out, idTracks, element(nil, idTrackEntry, track))
}

// mkvBlock appends what stands in front of a frame's bytes: a cluster of its own, so that ffmpeg hands it on without
// looking for more.
func mkvBlock(dst []byte, time uint64, key bool, size int) []byte {
	head := [4]byte{0x81, 0, 0, 0} // track 1, at the cluster's time
	if key {
		head[3] = 0x80
	}
	at := number(nil, idTimestamp, int64(time)) //nolint:gosec // microseconds of one run
	block := appendSize(appendID(nil, idSimpleBlock), len(head)+size)
	dst = appendSize(appendID(dst, idCluster), len(at)+len(block)+len(head)+size)
	dst = append(append(dst, at...), block...)
	return append(dst, head[:]...)
}

// avcConfig is the AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) that says: NALUs have four bytes of
// length in front. The parameter sets are in it and in front of each IDR.
func avcConfig(params *h264.ParamSets) []byte {
	sps := params.SPS[0]
	b := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe0 | byte(min(len(params.SPS), 31))}
	for _, set := range params.SPS[:min(len(params.SPS), 31)] {
		b = append(appendLength(b, set), set...)
	}
	b = append(b, byte(min(len(params.PPS), 255)))
	for _, set := range params.PPS[:min(len(params.PPS), 255)] {
		b = append(appendLength(b, set), set...)
	}
	return b
}

// appendLength appends the length of a parameter set, which is far below 64 KiB.
func appendLength(dst, set []byte) []byte {
	return binary.BigEndian.AppendUint16(dst, uint16(len(set))) //nolint:gosec // h264 bounds it
}

func element(dst []byte, id uint32, data []byte) []byte {
	return append(appendSize(appendID(dst, id), len(data)), data...)
}

// number appends an unsigned element. n is not negative.
func number(dst []byte, id uint32, n int64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // not negative
	first := 0
	for first < 7 && b[first] == 0 {
		first++
	}
	return element(dst, id, b[first:])
}

// appendID appends an element id, which contains its own length (RFC 8794, section 5).
func appendID(dst []byte, id uint32) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		if id>>shift != 0 {
			dst = append(dst, byte(id>>shift)) //nolint:gosec // the lowest byte of it
		}
	}
	return dst
}

// appendSize appends the size of an element as a number of four or eight bytes (RFC 8794, section 6).
func appendSize(dst []byte, size int) []byte {
	n := uint64(size) //nolint:gosec // not negative
	if n < math.MaxUint32>>4 {
		return binary.BigEndian.AppendUint32(dst, uint32(n)|1<<28)
	}
	return binary.BigEndian.AppendUint64(dst, n|1<<56)
}
