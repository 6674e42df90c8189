// Package jpeg finds the end and the size of a JPEG picture by walking its markers; it decodes nothing.
package jpeg

import (
	"bytes"
	"errors"
	"fmt"
)

// Errors. What Check and Size return wraps one of them.
var (
	// ErrNotJPEG means that the bytes do not begin with SOI (FF D8).
	ErrNotJPEG = errors.New("not a JPEG: it does not begin with FF D8")

	// ErrTruncated means that the bytes end before the picture does.
	ErrTruncated = errors.New("JPEG is truncated: no end of image (FF D9)")

	// ErrMalformed means that something other than a legal marker stands where a marker belongs.
	ErrMalformed = errors.New("JPEG is malformed")

	// ErrNoSize means that no frame header (SOF) came before the first scan, or that its width or height is zero.
	ErrNoSize = errors.New("JPEG has no width and height")

	// ErrTrailing means that bytes follow the end of the picture: padding (see Trim) or a second picture.
	ErrTrailing = errors.New("JPEG is followed by other bytes: send one picture per frame and no padding")
)

// Size returns the width and height in pixels from the frame header (ITU-T T.81, B.2.2). It reads only the bytes in
// front of it and does not care whether the picture is complete.
func Size(jpeg []byte) (width, height int, err error) {
	var s Scanner
	for s.width == 0 {
		more, err := s.step(jpeg)
		if err != nil {
			return 0, 0, err
		}
		if !more {
			return 0, 0, ErrTruncated
		}
	}
	return s.width, s.height, nil
}

// Check returns the size of a picture that is complete: it begins with SOI, has a frame header and a scan, and the
// first EOI outside the marker segments is its last two bytes. Several scans (progressive) are fine, and so are
// thumbnails inside APP segments. The coded data themselves are not decoded, so a picture with flipped bits may pass.
func Check(jpeg []byte) (width, height int, err error) {
	var s Scanner
	n, err := s.Scan(jpeg)
	switch {
	case err != nil:
		return 0, 0, err
	case n == 0:
		return 0, 0, ErrTruncated
	case n < len(jpeg):
		if bytes.HasPrefix(jpeg[n:], []byte{0xff, soi}) {
			return 0, 0, fmt.Errorf("%w (a second picture begins at byte %d)", ErrTrailing, n)
		}
		return 0, 0, fmt.Errorf("%w (%d bytes)", ErrTrailing, len(jpeg)-n)
	}
	return s.width, s.height, nil
}

// First returns the picture at the beginning of b, with its size: what Check accepts, whatever stands behind it. USB
// cameras fill their buffers with zeros, or leave what was there. Nothing is copied.
func First(b []byte) (picture []byte, width, height int, err error) {
	var s Scanner
	n, err := s.Scan(b)
	switch {
	case err != nil:
		return nil, 0, 0, err
	case n == 0:
		return nil, 0, 0, ErrTruncated
	}
	return b[:n:n], s.width, s.height, nil
}

// Trim returns jpeg without the zero bytes that many USB cameras append to fill a buffer. Nothing is copied.
func Trim(jpeg []byte) []byte { return bytes.TrimRight(jpeg, "\x00") }
