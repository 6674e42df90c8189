package syntheticframes

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Stamp says when a frame left the camera. It stands inside the frame: in a COM segment of a JPEG (ITU-T T.81,
// B.2.4.5), in an SEI message of an H.264 access unit (user_data_unregistered, ITU-T H.264 D.1.7). Digits only, so that
// nothing in it looks like a start code.
type Stamp struct {
	Sent time.Time
	Key  bool
	Rest int // bytes of the frame behind the stamp
}

// Mark is what a stamp begins with.
const Mark = "BRAMBLE-STAMP:"

const (
	timeDigits = 19
	restDigits = 8
	// StampSize is the size of a stamp in bytes.
	StampSize = len(Mark) + timeDigits + 1 + restDigits
)

// stampJPEG returns a copy of a JPEG with a stamp behind SOI, and the stamp's place.
func stampJPEG(jpeg []byte) (out []byte, at int) {
	out = append(out, jpeg[:2]...)
	out = append(out, 0xff, 0xfe, 0, byte(2+StampSize))
	at = len(out)
	out = append(out, blank(true, len(jpeg)-2)...)
	return append(out, jpeg[2:]...), at
}

// maxSegment is the size of the largest marker segment of a JPEG, with its marker (ITU-T T.81, B.1.1.4).
const maxSegment = 2 + 65535

// Pad makes the clip's pictures as large as size, or up to three bytes smaller, by comments behind the stamp. Larger
// ones stay as they are.
func (f *Clip) Pad(size int) {
	for i, fr := range f.Frames {
		end := fr.at + StampSize
		out := append(make([]byte, 0, size), fr.Data[:end]...)
		for room := size - len(fr.Data); room >= 4; {
			n := min(room, maxSegment)
			if rest := room - n; rest > 0 && rest < 4 {
				n -= 4 // for the last segment's own header
			}
			out = append(out, 0xff, 0xfe, byte((n-2)>>8), byte(n-2)) //nolint:gosec // small by construction
			out = append(out, make([]byte, n-4)...)
			room -= n
		}
		f.Frames[i].Data = append(out, fr.Data[end:]...)
	}
}

// stampH264 returns a copy of an access unit with a stamp in front of its first slice, and the stamp's place.
func stampH264(au []byte, key bool) (out []byte, at int) {
	uuid, _ := hex.DecodeString("6272616d626c652d7374616d702d3031") // a constant
	slice := firstSlice(au)
	out = append(out, au[:slice]...)
	out = append(out, 0, 0, 0, 1, 6, 5, byte(len(uuid)+StampSize)) //nolint:gosec // small by construction
	out = append(out, uuid...)
	at = len(out)
	out = append(out, blank(key, 1+len(au)-slice)...)
	out = append(out, 0x80)
	return append(out, au[slice:]...), at
}

// firstSlice returns where the start code of the first slice is.
func firstSlice(au []byte) int {
	for at := 0; ; {
		i := bytes.Index(au[at:], []byte{0, 0, 0, 1})
		if i < 0 || at+i+4 >= len(au) {
			return 0
		}
		at += i
		if t := au[at+4] & 0x1f; t == 1 || t == 5 {
			return at
		}
		at += 4
	}
}

func blank(key bool, rest int) []byte {
	k := 2
	if key {
		k = 1
	}
	return fmt.Appendf(nil, "%s%0*d%d%0*d", Mark, timeDigits, 0, k, restDigits, rest)
}

// set writes now into a stamp.
func set(data []byte, at int, now time.Time) {
	strconv.AppendInt(data[at+len(Mark):at+len(Mark)], now.UnixNano(), 10)
}

// ReadStamp finds the stamp in the first bytes of a frame.
func ReadStamp(head []byte) (Stamp, bool) {
	i := bytes.Index(head, []byte(Mark))
	if i < 0 || i+StampSize > len(head) {
		return Stamp{}, false
	}
	text := string(head[i+len(Mark) : i+StampSize])
	ns, err := strconv.ParseInt(text[:timeDigits], 10, 64)
	if err != nil {
		return Stamp{}, false
	}
	rest, err := strconv.Atoi(text[timeDigits+1:])
	return Stamp{time.Unix(0, ns), text[timeDigits] == '1', rest}, err == nil
}
