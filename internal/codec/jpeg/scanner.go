package jpeg

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Second bytes of the markers that matter here (ITU-T T.81, table B.1).
const (
	stuffed = 0x00
	tem     = 0x01
	sof0    = 0xc0
	sof1    = 0xc1
	dht     = 0xc4
	jpg     = 0xc8
	dac     = 0xcc
	sof15   = 0xcf
	rst0    = 0xd0
	rst7    = 0xd7
	soi     = 0xd8
	eoi     = 0xd9
	sos     = 0xda
)

type state uint8

const (
	atStart   state = iota // SOI comes next
	inHeader               // a marker comes next
	inEntropy              // in the coded data behind an SOS
	atEnd                  // behind EOI
)

// Scanner finds the end of a picture whose bytes arrive little by little. It looks at each byte once at most, however
// often Scan is called. The zero value is ready for one picture.
type Scanner struct {
	state         state
	scans         int
	pos           int // everything in front of it is dealt with; may lie behind the end of the bytes seen so far
	resync        int
	width, height int
	frameAt       int  // where the frame header's marker is
	tables        bool // Huffman tables have come
}

// Scan takes all bytes of the picture that are there so far: the same ones as in the last call and more behind them.
// It returns the picture's length with its EOI as soon as that is there, and 0 as long as more bytes are needed.
// After an error or a length the Scanner is used up.
func (s *Scanner) Scan(b []byte) (n int, err error) {
	for {
		more, err := s.step(b)
		if err != nil {
			return 0, err
		}
		if !more {
			return 0, nil
		}
		if s.state == atEnd {
			return s.pos, nil
		}
	}
}

// Resync returns where the search for the next picture's SOI continues after an error. It is after everything that
// certainly belongs to the broken picture, so a thumbnail in an APP segment does not count as a picture. It is before a
// segment whose length may be wrong.
func (s *Scanner) Resync() int { return s.resync }

// step deals with one marker, or with the coded data up to the next marker. It reports false when more bytes are
// needed for that.
func (s *Scanner) step(b []byte) (more bool, err error) {
	switch s.state {
	case inEntropy:
		return s.entropy(b), nil
	case atStart:
		if len(b) < 2 {
			return false, nil
		}
		if b[0] != 0xff || b[1] != soi {
			return false, ErrNotJPEG
		}
		s.state, s.pos, s.resync = inHeader, 2, 2
	}
	for s.pos+1 < len(b) && b[s.pos] == 0xff && b[s.pos+1] == 0xff { // fill bytes (B.1.1.2)
		s.pos++
	}
	if s.pos < len(b) && b[s.pos] != 0xff {
		return false, fmt.Errorf("%w: no marker at byte %d", ErrMalformed, s.pos)
	}
	if s.pos+1 >= len(b) {
		return false, nil
	}
	return s.marker(b, b[s.pos+1])
}

// marker deals with the marker at pos.
func (s *Scanner) marker(b []byte, code byte) (more bool, err error) {
	switch {
	case code == eoi && s.scans > 0:
		s.pos += 2
		s.state = atEnd
		return true, nil
	case code == soi:
		s.resync = s.pos // this one can be trusted: it stands just where a marker belongs
		return false, fmt.Errorf("%w: another picture begins at byte %d", ErrMalformed, s.pos)
	case code == tem, code >= rst0 && code <= rst7:
		s.pos += 2
		return true, nil
	case code < sof0, code == eoi, code == jpg:
		return false, fmt.Errorf("%w: unexpected marker FF %02X at byte %d", ErrMalformed, code, s.pos)
	}
	return s.segment(b, code)
}

// segment steps over the marker segment at pos by its length.
func (s *Scanner) segment(b []byte, code byte) (more bool, err error) {
	if s.pos+4 > len(b) {
		return false, nil
	}
	length := int(binary.BigEndian.Uint16(b[s.pos+2:]))
	if length < 2 {
		return false, fmt.Errorf("%w: segment of %d bytes at byte %d", ErrMalformed, length, s.pos)
	}
	switch {
	case isSOF(code):
		if s.width != 0 {
			return false, fmt.Errorf("%w: second frame header at byte %d", ErrMalformed, s.pos)
		}
		if length < 8 {
			return false, fmt.Errorf("%w: frame header of %d bytes", ErrMalformed, length)
		}
		if s.pos+9 > len(b) {
			return false, nil
		}
		height, width := binary.BigEndian.Uint16(b[s.pos+5:]), binary.BigEndian.Uint16(b[s.pos+7:])
		if width == 0 || height == 0 {
			return false, fmt.Errorf("%w: its frame header says %dx%d", ErrNoSize, width, height)
		}
		s.width, s.height, s.frameAt = int(width), int(height), s.pos
	case code == dht:
		s.tables = true
	case code == sos:
		if s.width == 0 {
			return false, fmt.Errorf("%w: no frame header before the first scan", ErrNoSize)
		}
		s.state = inEntropy
		s.scans++
	}
	s.resync = s.pos + 2
	s.pos += 2 + length
	return true, nil
}

// entropy goes over coded data, in which FF 00 and RST0-RST7 are data (ITU-T T.81, B.1.1.5), to the next marker.
func (s *Scanner) entropy(b []byte) (more bool) {
	for s.pos < len(b) {
		i := bytes.IndexByte(b[s.pos:], 0xff)
		if i < 0 {
			s.pos = len(b)
			break
		}
		s.pos += i
		if s.pos+1 >= len(b) {
			break
		}
		switch code := b[s.pos+1]; {
		case code == stuffed, code >= rst0 && code <= rst7:
			s.pos += 2
		case code == 0xff:
			s.pos++
		default:
			s.state = inHeader
			s.resync = s.pos
			return true
		}
	}
	return false
}

// isSOF reports whether the marker begins a frame header.
func isSOF(code byte) bool {
	return code >= sof0 && code <= sof15 && code != dht && code != jpg && code != dac
}
