// Package mpjpeg frames JPEG pictures as parts of a multipart/x-mixed-replace response, the MJPEG that browsers and
// cameras speak.
//
// A response is Preamble, and then for every picture PartHeader, the JPEG and Tail, which are sent together:
//
//	--bramble-part                      Preamble
//	Content-Type: image/jpeg            PartHeader
//	Content-Length: 84013
//	X-Timestamp: 1767225600.123456
//
//	<84013 bytes>                       the JPEG
//	                                    Tail
//	--bramble-part
//	Content-Type: image/jpeg            the next PartHeader
//
// Tail ends the picture with the boundary that opens the next part. Clients show a picture when they have seen its
// end: a boundary that came with the next picture would make every one late by a frame.
package mpjpeg

import (
	"strconv"
	"time"
)

// Boundary separates the parts (RFC 2046, section 5.1.1). It needs no quotes. Some clients look for it inside of
// pictures too, so it is too long to occur there by chance.
const Boundary = "bramble-part"

// ContentType is the Content-Type of the response.
const ContentType = "multipart/x-mixed-replace; boundary=" + Boundary

// The bytes around the parts are the same for every picture and viewer. They must not be modified.
var (
	// Preamble opens the first part.
	Preamble = []byte("--" + Boundary + "\r\n") //nolint:gochecknoglobals // never modified; no allocation per frame

	// Tail closes a part and opens the next one.
	Tail = []byte("\r\n--" + Boundary + "\r\n") //nolint:gochecknoglobals // never modified; no allocation per frame
)

// PartHeader appends the headers of one part to dst, with the empty line that ends them. size is the length of the
// JPEG in bytes. The time of capture becomes X-Timestamp: Unix seconds with six decimals, as in ustreamer. A picture
// that is sent again keeps its time.
func PartHeader(dst []byte, size int, captured time.Time) []byte {
	dst = append(dst, "Content-Type: image/jpeg\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(size), 10)
	dst = append(dst, "\r\nX-Timestamp: "...)
	dst = appendTimestamp(dst, captured)
	return append(dst, "\r\n\r\n"...)
}

// appendTimestamp appends t as Unix seconds with microseconds. Times before 1970 come from a camera without a clock
// and become 0.
func appendTimestamp(dst []byte, t time.Time) []byte {
	µs := max(t.UnixMicro(), 0)
	dst = strconv.AppendInt(dst, µs/1e6, 10)
	dst = append(dst, '.')
	for unit := int64(1e5); unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(µs/unit%10))
	}
	return dst
}
