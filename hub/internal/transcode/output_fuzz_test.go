package transcode

import (
	"testing"

	"github.com/bramble-cam/bramble/shared/frame"
)

// FuzzLine reads any line as one of ffmpeg's list of frames: what is taken has a size that may be kept in memory, and
// an error repeats a bounded part of the line.
func FuzzLine(f *testing.F) {
	for _, line := range []string{
		"0,          1,          1,        1,    12345, 0x9a3c1e5b\n", "0,1,1,1,8388609,0x0", "0,-1,-1,1,5,0x0",
		"0,1,18446744073709551615,1,5,0x0", ",,,,,", "", "0, 1, 1, 1, 0x10, 0", "#tb 0: 1/1000000",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		_, size, err := parseLine(line)
		if err == nil && (size <= 0 || size > frame.MaxPayload) {
			t.Fatalf("a frame of %d bytes", size)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Fatalf("an error of %d bytes", len(err.Error()))
		}
	})
}
