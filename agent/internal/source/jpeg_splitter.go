package source

import (
	"bytes"
	"fmt"
	"io"

	"github.com/bramble-cam/bramble/internal/codec/jpeg"
)

// JPEGSplitter cuts a byte stream of JPEG pictures, such as rpicam-vid's or ffmpeg's MJPEG output, into pictures. Each comes out as soon
// as its last byte has been read.
type JPEGSplitter struct {
	w         window
	limit     int
	skipped   int64
	taken     int // length of the picture handed out, which is still in the window
	whole     int // length of the one at hand, if it is complete
	inPicture bool
	scanner   jpeg.Scanner // of the picture with which the window begins
}

// NewJPEGSplitter returns a splitter of what r delivers.
func NewJPEGSplitter(r io.Reader) *JPEGSplitter {
	return &JPEGSplitter{w: window{r: r}, limit: maxFrame}
}

// Next returns the next picture, from SOI to EOI; it is valid until the next call. Whatever stands between pictures is skipped. After
// ErrFrameBroken or ErrFrameTooLarge the next call goes on with the next picture; a picture that the end of the stream cuts off is broken
// too. Then comes the reader's error, io.EOF at the end.
func (s *JPEGSplitter) Next() ([]byte, error) {
	for {
		if picture, err := s.step(); picture != nil || err != nil {
			return picture, err
		}
		if err := s.w.fill(); err != nil {
			cutOff := s.inPicture
			s.inPicture = false
			s.skip(len(s.w.data()))
			if cutOff {
				return nil, fmt.Errorf("%w: %w", ErrFrameBroken, jpeg.ErrTruncated)
			}
			return nil, err
		}
	}
}

// step returns the next picture if it is at hand, without reading. Else it returns nothing.
func (s *JPEGSplitter) step() ([]byte, error) {
	if err := s.complete(); s.whole == 0 {
		return nil, err
	}
	s.taken, s.whole, s.inPicture = s.whole, 0, false
	return s.w.data()[:s.taken:s.taken], nil
}

// ahead reports whether something follows the picture at hand.
func (s *JPEGSplitter) ahead() (bool, error) {
	err := s.complete()
	return s.whole > 0 && len(s.w.data()) > s.whole, err
}

// rest returns nothing: whether a picture is complete does not depend on what follows it, and step has handed it out.
func (s *JPEGSplitter) rest() []byte { return nil }

// starts reports whether what is at hand begins like a picture, if there is enough of it to tell.
func (s *JPEGSplitter) starts() bool {
	s.discardTaken()
	b := s.w.data()
	return len(b) < 2 || b[0] == 0xff && b[1] == 0xd8
}

// complete looks whether the picture at hand is.
func (s *JPEGSplitter) complete() error {
	s.discardTaken()
	if s.whole > 0 || !s.inPicture && !s.find() {
		return nil
	}
	n, err := s.scan()
	s.whole = n
	return err
}

// read reads once, after what was handed out has been dealt with.
func (s *JPEGSplitter) read() error {
	s.discardTaken()
	return s.w.read()
}

// held returns how many bytes are at hand.
func (s *JPEGSplitter) held() int { return len(s.w.data()) - s.taken }

func (s *JPEGSplitter) discardTaken() {
	s.w.discard(s.taken)
	s.taken = 0
}

// Skipped returns how many bytes belonged to no picture that was handed out: what stood between pictures, and pictures that were broken or
// too large.
func (s *JPEGSplitter) Skipped() int64 { return s.skipped }

// find skips to the next SOI and the marker that must follow it, and reports whether they are there.
func (s *JPEGSplitter) find() bool {
	b := s.w.data()
	i := bytes.Index(b, []byte{0xff, 0xd8, 0xff})
	if i < 0 {
		s.skip(max(0, len(b)-2))
		return false
	}
	s.skip(i)
	s.inPicture, s.scanner = true, jpeg.Scanner{}
	return true
}

// scan looks for the end of the picture in what has come since the last call. It returns the picture's length, or 0 if it is not whole yet.
func (s *JPEGSplitter) scan() (n int, err error) {
	b := s.w.data()
	n, err = s.scanner.Scan(b[:min(len(b), s.limit)])
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrFrameBroken, err)
	case n == 0 && len(b) > s.limit:
		err = ErrFrameTooLarge
	}
	if err != nil {
		s.inPicture = false
		s.skip(max(2, s.scanner.Resync()))
	}
	return n, err
}

func (s *JPEGSplitter) skip(n int) {
	s.skipped += int64(n)
	s.w.discard(n)
}
