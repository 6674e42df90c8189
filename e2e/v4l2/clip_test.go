package v4l2

import (
	"bytes"
	"os"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/shared/frame"
)

// clipFrames numbers the frames of a clip, which a device plays over and over: no two are alike.
type clipFrames struct {
	t      *testing.T
	number map[string]int
}

// readClip reads the JPEGs or access units of a clip.
func readClip(t *testing.T, name string, format frame.Format) clipFrames {
	t.Helper()
	data, err := os.ReadFile(clip(name))
	if err != nil {
		t.Fatal(err)
	}
	c := clipFrames{t, map[string]int{}}
	if format == frame.H264 {
		delimiter := []byte{0, 0, 0, 1, 9, 0x10} // IDR
		data = bytes.ReplaceAll(data, []byte{0, 0, 0, 1, 9, 0x30}, delimiter)
		for _, au := range bytes.Split(data, delimiter)[1:] {
			c.number[string(au)] = len(c.number)
		}
	}
	for format == frame.JPEG && len(data) > 0 {
		var s jpeg.Scanner
		n, err := s.Scan(data)
		if err != nil || n == 0 {
			t.Fatalf("picture %d of %s: %d bytes, %v", len(c.number), name, n, err)
		}
		c.number[string(data[:n])] = len(c.number)
		data = data[n:]
	}
	if len(c.number) != 150 {
		t.Fatalf("%s has %d different frames, want 150", name, len(c.number))
	}
	return c
}

// gap returns how many frames of the clip are missing between two, which must be the clip's byte for byte.
func (c clipFrames) gap(before, after frame.Frame) int {
	c.t.Helper()
	from, ok := c.number[string(before.Payload)]
	to, alsoOK := c.number[string(after.Payload)]
	if !ok || !alsoOK {
		c.t.Fatalf("frame %d of %d bytes or frame %d of %d bytes is not in the clip", before.Seq, len(before.Payload),
			after.Seq, len(after.Payload))
	}
	return (to - from - 1 + len(c.number)) % len(c.number)
}

// follow checks that n frames are the clip's, byte for byte and in its order, and that a frame of the clip is missing
// only where Cam-Seq tells it. It returns how many are.
func (c clipFrames) follow(next func() frame.Frame, n int) (missing int) {
	c.t.Helper()
	before := next()
	for range n - 1 {
		f := next()
		gap := c.gap(before, f)
		if told := f.Seq - before.Seq - 1; f.Epoch != before.Epoch || told != uint64(gap) {
			c.t.Errorf("frame %d of epoch %d comes after frame %d of epoch %d, and %d of the clip are missing", f.Seq, f.Epoch,
				before.Seq, before.Epoch, gap)
		}
		missing += gap
		before = f
	}
	return missing
}
