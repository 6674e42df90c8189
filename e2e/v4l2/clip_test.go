package v4l2

import (
	"bytes"
	"os"
	"testing"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/jpegscan"
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
		var s jpegscan.Scanner
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

// follow checks that n frames are the clip's, byte for byte and in its order, and that a frame of the clip is missing only where Cam-Seq tells it. It
// returns how many are.
func (c clipFrames) follow(next func() frame.Frame, n int) (missing int) {
	c.t.Helper()
	before, number := next(), 0
	for i := range n {
		f := before
		if i > 0 {
			f = next()
		}
		now, ok := c.number[string(f.Payload)]
		if !ok {
			c.t.Fatalf("frame %d of %d bytes is not in the clip", f.Seq, len(f.Payload))
		}
		if i > 0 {
			gap := (now - number - 1 + len(c.number)) % len(c.number)
			if gap > len(c.number)/2 {
				c.t.Errorf("frame %d is number %d of the clip, but the one before was number %d", f.Seq, now, number)
			}
			if told := f.Seq - before.Seq - 1; f.Epoch != before.Epoch || told != uint64(gap) {
				c.t.Errorf("between frames %d and %d (epochs %d and %d), %d of the clip are missing", before.Seq, f.Seq, before.Epoch, f.Epoch, gap)
			}
			missing += gap
		}
		before, number = f, now
	}
	return missing
}
