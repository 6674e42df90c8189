package splitter

import (
	"bytes"
	"fmt"
	"io"

	"github.com/bramble-cam/bramble/internal/codec/jpeg"
)

// JPEG cuts a byte stream of JPEG pictures, such as the MJPEG output of rpicam-vid or ffmpeg, into pictures. It returns
// each as soon as its last byte has been read.
type JPEG struct {
	buf       readBuffer
	limit     int
	skipped   int64
	returned  int // length of the last picture returned, which is still in the buffer
	complete  int // length of the picture at the front of the buffer, or 0 if its end is missing
	inPicture bool
	scanner   jpeg.Scanner // of the picture at the front of the buffer
}

// NewJPEG returns a splitter of what r delivers.
func NewJPEG(r io.Reader) *JPEG {
	return &JPEG{buf: readBuffer{r: r}, limit: maxFrame}
}

func (s *JPEG) reset(r io.Reader) {
	s.buf.reset(r)
	*s = JPEG{buf: s.buf, limit: s.limit}
}

// Next returns the next picture, from SOI to EOI. It is valid until the next call. Whatever stands between pictures
// is skipped. After ErrFrameBroken or ErrFrameTooLarge the next call goes on with the next picture. A picture that
// the end of the stream cuts off is broken too. Then comes the reader's error, io.EOF at the end.
func (s *JPEG) Next() ([]byte, error) {
	for {
		if picture, err := s.NextBuffered(); picture != nil || err != nil {
			return picture, err
		}
		if err := s.buf.fill(); err != nil {
			cutOff := s.inPicture
			s.inPicture = false
			s.skip(len(s.buf.data()))
			if cutOff {
				return nil, fmt.Errorf("%w: %w", ErrFrameBroken, jpeg.ErrTruncated)
			}
			return nil, err
		}
	}
}

// NextBuffered returns the next picture if it is in the buffer, without reading. Otherwise it returns nothing.
func (s *JPEG) NextBuffered() ([]byte, error) {
	if err := s.findEnd(); s.complete == 0 {
		return nil, err
	}
	s.returned, s.complete, s.inPicture = s.complete, 0, false
	return s.buf.data()[:s.returned:s.returned], nil
}

// Followed reports whether something follows the picture at the front of the buffer.
func (s *JPEG) Followed() (bool, error) {
	err := s.findEnd()
	return s.complete > 0 && len(s.buf.data()) > s.complete, err
}

// Flush returns nothing: the end of a picture does not depend on what follows, so NextBuffered has returned it.
func (s *JPEG) Flush() []byte { return nil }

// AtStart reports whether the buffer begins like a picture. With too few bytes to tell it is true.
func (s *JPEG) AtStart() bool {
	s.release()
	b := s.buf.data()
	return len(b) < 2 || b[0] == 0xff && b[1] == 0xd8
}

// findEnd sets complete if the end of the picture at the front is in the buffer.
func (s *JPEG) findEnd() error {
	s.release()
	if s.complete > 0 || !s.inPicture && !s.findStart() {
		return nil
	}
	n, err := s.scan()
	s.complete = n
	return err
}

// Fill reads once. It can be called again after an error.
func (s *JPEG) Fill() error {
	s.release()
	return s.buf.fillOnce()
}

// Buffered returns how many bytes are buffered.
func (s *JPEG) Buffered() int { return len(s.buf.data()) - s.returned }

// release drops the last picture returned.
func (s *JPEG) release() {
	s.buf.discard(s.returned)
	s.returned = 0
}

// Skipped returns how many bytes belonged to no picture that was returned: what stood between pictures, and pictures
// that were broken or too large.
func (s *JPEG) Skipped() int64 { return s.skipped }

// findStart skips to the next SOI and the marker that must follow it, and reports whether they are there.
func (s *JPEG) findStart() bool {
	b := s.buf.data()
	i := bytes.Index(b, []byte{0xff, 0xd8, 0xff})
	if i < 0 {
		s.skip(max(0, len(b)-2))
		return false
	}
	s.skip(i)
	s.inPicture, s.scanner = true, jpeg.Scanner{}
	return true
}

// scan looks for the end of the picture in what has come since the last call. It returns the picture's length, or 0 if
// the end has not come yet.
func (s *JPEG) scan() (n int, err error) {
	b := s.buf.data()
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

func (s *JPEG) skip(n int) {
	s.skipped += int64(n)
	s.buf.discard(n)
}
