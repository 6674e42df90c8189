package source

import (
	"bytes"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// AnnexBSplitter cuts an H.264 byte stream (ITU-T Rec. H.264, Annex B), such as an encoder's standard output, into access units. A
// picture ends where the next one begins, so it comes out as late as that.
type AnnexBSplitter struct {
	w       window
	limit   int
	skipped int64
	taken   int // length of the access unit handed out, which is still in the window
	whole   int // length of the one at hand, if the next one has begun

	// Offsets in the window, which begins with the access unit at hand.
	scan   int // searched for start codes so far
	prefix int // a prefix NALU that may turn out to be the first of the next access unit, or -1

	slice bool // the access unit has a slice, so what cannot follow one begins the next access unit
	lost  bool // not in an access unit: at the start of the stream, or after one that was too large
}

// NewAnnexBSplitter returns a splitter of what r delivers.
func NewAnnexBSplitter(r io.Reader) *AnnexBSplitter {
	return &AnnexBSplitter{w: window{r: r}, limit: maxFrame, prefix: -1, slice: true, lost: true}
}

// Next returns the next access unit as it is in the stream, start codes included; it is valid until the next call. The reader's error
// comes after the last whole access unit, and at io.EOF that one is whole. After ErrFrameTooLarge the next call goes on behind it.
func (s *AnnexBSplitter) Next() ([]byte, error) {
	for {
		if au, err := s.step(); au != nil || err != nil {
			return au, err
		}
		if err := s.w.fill(); err != nil {
			return s.last(err)
		}
	}
}

// step returns the next access unit if its end is at hand, without reading: if the next one has begun. Else it returns nothing.
func (s *AnnexBSplitter) step() ([]byte, error) {
	if ok, err := s.ahead(); !ok {
		return nil, err
	}
	n := s.whole
	s.whole = 0
	return s.take(n), nil
}

// ahead reports whether the access unit behind the one at hand has begun.
func (s *AnnexBSplitter) ahead() (bool, error) {
	s.discardTaken()
	for s.whole == 0 {
		cut, tooLarge := s.search()
		switch {
		case tooLarge:
			s.slice, s.lost, s.prefix = true, true, -1
			return false, ErrFrameTooLarge
		case cut >= 0 && s.lost:
			s.lost = false
			s.skip(cut)
		case cut >= 0:
			s.whole = cut
		default:
			if s.lost {
				s.skipSearched()
			}
			return false, nil
		}
	}
	return true, nil
}

// rest returns the access unit at hand, which somebody knows to be complete although the next one has not begun. It returns nothing if there is no slice
// yet: parameter sets on their own stay for the access unit that they belong to. So does the beginning of a start code at the end.
func (s *AnnexBSplitter) rest() []byte {
	s.discardTaken()
	if s.lost || !s.slice {
		return nil
	}
	b := s.w.data()
	n := len(b)
	if bytes.HasPrefix(b[s.scan:], []byte{0, 0, 1}) {
		n = s.scan // search could not judge it: the bytes behind it are missing
	}
	for least := n - 3; n > max(0, least) && b[n-1] == 0; {
		n--
	}
	s.slice, s.prefix, s.scan = false, -1, n
	return s.take(n)
}

// starts reports whether what is at hand begins like an access unit, if there is enough of it to tell: what comes behind a rest must.
func (s *AnnexBSplitter) starts() bool {
	s.discardTaken()
	b := bytes.TrimLeft(s.w.data(), "\x00")
	return len(b) == 0 || b[0] == 1 && len(b) <= len(s.w.data())-2
}

// read reads once, after what was handed out has been dealt with.
func (s *AnnexBSplitter) read() error {
	s.discardTaken()
	return s.w.read()
}

// held returns how many bytes are at hand.
func (s *AnnexBSplitter) held() int { return len(s.w.data()) - s.taken }

func (s *AnnexBSplitter) discardTaken() {
	s.discard(s.taken)
	s.taken = 0
}

// Skipped returns how many bytes belonged to no access unit that was handed out: what came before the first whole picture, and what was
// too large.
func (s *AnnexBSplitter) Skipped() int64 { return s.skipped }

// search goes on through the start codes at hand. It returns where the next access unit begins, or -1 if it is not there yet, and
// whether the one at hand is too large.
func (s *AnnexBSplitter) search() (cut int, tooLarge bool) {
	b := s.w.data()
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
		if cut := s.judge(begin, b[at+3], b[at+4]); cut >= 0 {
			return cut, false
		}
	}
}

// judge decides whether the NALU whose start code is at begin is the first of an access unit (ITU-T Rec. H.264, 7.4.1.2.3 and 7.4.1.2.4,
// but without comparing slice headers: in streams of cameras the first slice of a picture begins at its first macroblock). It returns
// where that access unit begins, or -1.
func (s *AnnexBSplitter) judge(begin int, header, payload byte) (cut int) {
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
		cut = begin
		if s.prefix >= 0 {
			cut = s.prefix
		}
		s.slice, s.prefix = isSlice, -1
		return cut
	case isSlice:
		s.slice, s.prefix = true, -1
	}
	return -1
}

// last returns what is left when the reader has failed with err.
func (s *AnnexBSplitter) last(err error) ([]byte, error) {
	n := len(s.w.data())
	switch {
	case n == 0:
		return nil, err
	case s.lost, err != io.EOF:
		s.skip(n)
		return nil, err
	case n > s.limit:
		s.skip(n)
		return nil, ErrFrameTooLarge
	}
	s.slice, s.lost = true, true
	return s.take(n), nil
}

// take hands out the first n bytes.
func (s *AnnexBSplitter) take(n int) []byte {
	s.taken = n
	return s.w.data()[:n:n]
}

// skipSearched drops what cannot be part of the next access unit. A start code may have begun in the last bytes.
func (s *AnnexBSplitter) skipSearched() {
	keep := s.scan - 1
	if s.prefix >= 0 {
		keep = min(keep, s.prefix)
	}
	s.skip(max(0, keep))
}

func (s *AnnexBSplitter) skip(n int) {
	s.skipped += int64(n)
	s.discard(n)
}

func (s *AnnexBSplitter) discard(n int) {
	s.w.discard(n)
	s.scan = max(0, s.scan-n)
	if s.prefix >= 0 {
		s.prefix -= n
	}
}
