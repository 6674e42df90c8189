package loadgen

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
)

// times are those of an MP4 stream (ISO/IEC 14496-12).
type times struct {
	scale uint64 // ticks a second
	edit  uint64 // media time at which showing begins
	ticks uint64 // decode time of the fragment at hand
}

// moov reads the media's timescale (mdhd, 8.4.2) and where showing begins (elst, 8.6.6).
func (t *times) moov(b []byte) error {
	v, body, ok := full(b, "mdhd")
	at := 8
	if v == 1 {
		at = 16
	}
	if !ok || len(body) < at+4 {
		return fmt.Errorf("%w: a moov without mdhd", errResponse)
	}
	t.scale = uint64(binary.BigEndian.Uint32(body[at:]))
	if v, body, ok := full(b, "elst"); ok && v == 1 && len(body) >= 20 {
		t.edit = binary.BigEndian.Uint64(body[12:])
	} else if ok && v == 0 && len(body) >= 12 {
		t.edit = uint64(binary.BigEndian.Uint32(body[8:]))
	}
	if t.scale == 0 {
		return fmt.Errorf("%w: a timescale of 0", errResponse)
	}
	return nil
}

// moof reads the fragment's decode time (tfdt, 8.8.12).
func (t *times) moof(b []byte) error {
	switch v, body, ok := full(b, "tfdt"); {
	case ok && v == 1 && len(body) >= 8:
		t.ticks = binary.BigEndian.Uint64(body)
	case ok && v == 0 && len(body) >= 4:
		t.ticks = uint64(binary.BigEndian.Uint32(body))
	default:
		return fmt.Errorf("%w: a moof without tfdt", errResponse)
	}
	return nil
}

// media returns the decode time of the fragment at hand, counted from where showing begins; negative if it is not
// shown.
func (t *times) media() time.Duration {
	if t.scale == 0 {
		return 0
	}
	//nolint:gosec // small by construction
	return time.Duration(float64(int64(t.ticks-t.edit)) / float64(t.scale) * float64(time.Second))
}

// full returns version and content of the first box of this type, wherever it is nested.
func full(b []byte, kind string) (version byte, body []byte, ok bool) {
	i := bytes.Index(b, []byte(kind))
	if i < 0 || i+8 > len(b) {
		return 0, nil, false
	}
	return b[i+4], b[i+8:], true
}
