package splitter

import (
	"bytes"
	"errors"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// AnnexB cuts an H.264 byte stream (ITU-T Rec. H.264, Annex B), such as an encoder's standard output, into access
// units. An access unit ends where the next one begins, so it is returned that late.
type AnnexB struct {
	buf      readBuffer
	limit    int
	skipped  int64
	returned int // length of the last access unit returned, which is still in the buffer
	complete int // length of the access unit at the front of the buffer, or 0 if the next one has not begun

	// Offsets in the buffer, which begins with the current access unit.
	scan   int // searched for start codes so far
	prefix int // a prefix NALU that may turn out to be the first of the next access unit, or -1

	slice bool // the access unit has a slice, so what cannot follow one begins the next access unit
	lost  bool // not in an access unit: at the start of the stream, or after one that was too large
}

// NewAnnexB returns a splitter of what r delivers.
func NewAnnexB(r io.Reader) *AnnexB {
	return &AnnexB{buf: readBuffer{r: r}, limit: maxFrame, prefix: -1, slice: true, lost: true}
}

func (s *AnnexB) reset(r io.Reader) {
	s.buf.reset(r)
	*s = AnnexB{buf: s.buf, limit: s.limit, prefix: -1, slice: true, lost: true}
}

// Next returns the next access unit as it is in the stream, start codes included. It is valid until the next call. The
// reader's error comes after the last complete access unit; at io.EOF the last one counts as complete. After
// ErrFrameTooLarge the next call goes on with the next access unit.
func (s *AnnexB) Next() ([]byte, error) {
	for {
		if au, err := s.NextBuffered(); au != nil || err != nil {
			return au, err
		}
		if err := s.buf.fill(); err != nil {
			return s.last(err)
		}
	}
}

// NextBuffered returns the next access unit if the one after it has begun in the buffer, without reading. Otherwise it
// returns nothing.
func (s *AnnexB) NextBuffered() ([]byte, error) {
	if ok, err := s.Followed(); !ok {
		return nil, err
	}
	n := s.complete
	s.complete = 0
	return s.cut(n), nil
}

// Followed reports whether the access unit after the one at the front of the buffer has begun.
func (s *AnnexB) Followed() (bool, error) {
	s.release()
	for s.complete == 0 {
		end, tooLarge := s.search()
		switch {
		case tooLarge:
			s.slice, s.lost, s.prefix = true, true, -1
			return false, ErrFrameTooLarge
		case end >= 0 && s.lost:
			s.lost = false
			s.skip(end)
		case end >= 0:
			s.complete = end
		default:
			if s.lost {
				s.skipSearched()
			}
			return false, nil
		}
	}
	return true, nil
}

// Flush returns the access unit in the buffer, which the caller knows to be complete although the next one has not
// begun. It returns nothing if there is no slice yet: parameter sets on their own stay for the access unit that they
// belong to. So does the beginning of a start code at the end.
func (s *AnnexB) Flush() []byte {
	s.release()
	if s.lost || !s.slice {
		return nil
	}
	b := s.buf.data()
	n := len(b)
	if bytes.HasPrefix(b[s.scan:], []byte{0, 0, 1}) {
		n = s.scan // search could not judge it: the bytes behind it are missing
	}
	for least := n - 3; n > max(0, least) && b[n-1] == 0; {
		n--
	}
	s.slice, s.prefix, s.scan = false, -1, n
	return s.cut(n)
}

// AtStart reports whether the buffer begins like an access unit. What follows a Flush must. With too few bytes to
// tell it is true.
func (s *AnnexB) AtStart() bool {
	s.release()
	b := bytes.TrimLeft(s.buf.data(), "\x00")
	return len(b) == 0 || b[0] == 1 && len(b) <= len(s.buf.data())-2
}

// Fill reads once. It can be called again after an error.
func (s *AnnexB) Fill() error {
	s.release()
	return s.buf.fillOnce()
}

// Buffered returns how many bytes are buffered.
func (s *AnnexB) Buffered() int { return len(s.buf.data()) - s.returned }

// release drops the last access unit returned.
func (s *AnnexB) release() {
	s.discard(s.returned)
	s.returned = 0
}

// Skipped returns how many bytes belonged to no access unit that was returned: what came before the first complete one,
// and what was too large.
func (s *AnnexB) Skipped() int64 { return s.skipped }

// search goes on through the start codes in the buffer. It returns where the next access unit begins, or -1 if that has
// not come yet, and whether the current one is too large.
func (s *AnnexB) search() (end int, tooLarge bool) {
	b := s.buf.data()
	for {
		at := bytes.Index(b[s.scan:], []byte{0, 0, 1})
		if at < 0 {
			s.scan = max(s.scan, len(b)-2)
			return -1, !s.lost && s.scan-1 > s.limit
		}
		at += s.scan
		s.scan = at
		begin := at
		if at > 0 && b[at-1] == 0 {
			begin-- // a 4-byte start code
		}
		if !s.lost && begin > s.limit {
			return -1, true
		}
		if at+4 >= len(b) {
			return -1, false
		}
		s.scan = at + 3
		if end := s.boundary(begin, b[at+3], b[at+4]); end >= 0 {
			return end, false
		}
	}
}

// boundary decides whether the NALU whose start code is at begin is the first of an access unit (ITU-T Rec. H.264,
// 7.4.1.2.3 and 7.4.1.2.4, but without comparing slice headers: in streams of cameras the first slice of a picture
// begins at its first macroblock). It returns where that access unit begins, or -1.
func (s *AnnexB) boundary(begin int, header, payload byte) (end int) {
	if header&0x80 != 0 { // forbidden_zero_bit: not H.264
		return -1
	}
	isSlice, starts := false, false
	switch h264.NALUType(header & 0x1f) {
	case h264.NALUTypeNonIDR, h264.NALUTypeDataPartitionA, h264.NALUTypeIDR:
		isSlice = true
		starts = payload&0x80 != 0 // first_mb_in_slice is 0: the first bit is 1
	case h264.NALUTypePrefix: // goes with the slice behind it, and only that one tells
		if s.slice && s.prefix < 0 {
			s.prefix = begin
		}
		return -1
	case h264.NALUTypeSEI, h264.NALUTypeSPS, h264.NALUTypePPS, h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeSubsetSPS,
		h264.NALUTypeReserved16, h264.NALUTypeReserved17, h264.NALUTypeReserved18:
		starts = true
	}
	switch {
	case s.slice && starts:
		end = begin
		if s.prefix >= 0 {
			end = s.prefix
		}
		s.slice, s.prefix = isSlice, -1
		return end
	case isSlice:
		s.slice, s.prefix = true, -1
	}
	return -1
}

// last returns what is left when the reader has failed with err.
func (s *AnnexB) last(err error) ([]byte, error) {
	n := len(s.buf.data())
	switch {
	case n == 0:
		return nil, err
	case s.lost, !errors.Is(err, io.EOF):
		s.skip(n)
		return nil, err
	case n > s.limit:
		s.skip(n)
		return nil, ErrFrameTooLarge
	}
	s.slice, s.lost = true, true
	return s.cut(n), nil
}

// cut returns the first n bytes.
func (s *AnnexB) cut(n int) []byte {
	s.returned = n
	return s.buf.data()[:n:n]
}

// skipSearched drops what cannot be part of the next access unit. A start code may have begun in the last bytes.
func (s *AnnexB) skipSearched() {
	keep := s.scan - 1
	if s.prefix >= 0 {
		keep = min(keep, s.prefix)
	}
	s.skip(max(0, keep))
}

func (s *AnnexB) skip(n int) {
	s.skipped += int64(n)
	s.discard(n)
}

func (s *AnnexB) discard(n int) {
	s.buf.discard(n)
	s.scan = max(0, s.scan-n)
	if s.prefix >= 0 {
		s.prefix -= n
	}
}
