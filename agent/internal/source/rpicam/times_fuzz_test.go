package rpicam

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// FuzzTimes reads any bytes as the file in which rpicam-vid writes the frames' times, at once and byte by byte: both
// ways give the same times, and the memory is bounded.
func FuzzTimes(f *testing.F) {
	for _, text := range []string{
		"# timecode format v2\n0.000\n33.321\n66.642\n", "0.0\n-1.-999\n", "1.1000\n", "9223372036.0\n9223372037.0\n",
		"\n\n#\n", "1", "1.5\nx\n2.5\n", "1..5\n", "+1.+5\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole, parts ptsLines
		errWhole := whole.read(bytes.NewReader(data))
		errParts := parts.read(iotest.OneByteReader(bytes.NewReader(data)))
		if errors.Is(errWhole, io.EOF) != errors.Is(errParts, io.EOF) || errors.Is(errWhole, io.EOF) &&
			whole.pending() != parts.pending() {
			t.Fatalf("%d times, %v; byte by byte %d, %v", whole.pending(), errWhole, parts.pending(), errParts)
		}
		if whole.pending() > len(data) || len(errWhole.Error()) > 500 {
			t.Fatalf("%d times of %d bytes, %v", whole.pending(), len(data), errWhole)
		}
		for whole.pending() > 0 && parts.pending() > 0 {
			if a, b := whole.pop(), parts.pop(); a != b {
				t.Fatalf("%v and %v", a, b)
			}
		}
	})
}
