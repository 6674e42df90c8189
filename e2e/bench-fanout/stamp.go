//go:build linux

package main

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"time"
)

// A stamp is the instant at which a frame left the camera, inside the frame: a COM segment of a JPEG (ITU-T T.81, B.2.4.5), an SEI message of an H.264 access
// unit (user_data_unregistered, ITU-T H.264 D.1.7). Digits only, so that nothing in it looks like a start code.
const (
	mark      = "BRAMBLE-STAMP:"
	digits    = 19
	stampSize = len(mark) + digits
)

// stampJPEG returns a copy of a JPEG with room for a stamp behind SOI, and the stamp's place.
func stampJPEG(jpeg []byte) ([]byte, int) {
	out := append([]byte(nil), jpeg[:2]...)
	out = append(out, 0xff, 0xfe, 0, byte(2+stampSize))
	at := len(out)
	out = append(out, blank()...)
	return append(out, jpeg[2:]...), at
}

// stampH264 returns a copy of an access unit with room for a stamp in front of its first slice, and the stamp's place.
func stampH264(au []byte) ([]byte, int) {
	uuid, _ := hex.DecodeString("6272616d626c652d7374616d702d3031")
	sei := append([]byte{0, 0, 0, 1, 6, 5, byte(len(uuid) + stampSize)}, uuid...)
	place := len(sei)
	sei = append(append(sei, blank()...), 0x80)
	slice := firstSlice(au)
	out := append([]byte(nil), au[:slice]...)
	at := len(out) + place
	out = append(out, sei...)
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

func blank() []byte { return append([]byte(mark), bytes.Repeat([]byte{'0'}, digits)...) }

// setStamp writes now into the place of a stamp.
func setStamp(frame []byte, at int, now time.Time) {
	strconv.AppendInt(frame[at+len(mark):at+len(mark)], now.UnixNano(), 10)
}

// readStamp finds the stamp in the first bytes of a frame.
func readStamp(head []byte) (time.Time, bool) {
	i := bytes.Index(head, []byte(mark))
	if i < 0 || i+stampSize > len(head) {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(string(head[i+len(mark):i+stampSize]), 10, 64)
	return time.Unix(0, n), err == nil
}
