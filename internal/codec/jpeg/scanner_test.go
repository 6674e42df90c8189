package jpeg_test

import (
	"bytes"
	"errors"
	stdjpeg "image/jpeg"
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/jpeg"
)

// scan feeds data in steps of the given size and returns the length found and how many bytes had been shown by then.
func scan(data []byte, step int) (n, shown int, err error) {
	var s jpeg.Scanner
	for shown < len(data) {
		shown = min(shown+step, len(data))
		if n, err = s.Scan(data[:shown]); n > 0 || err != nil {
			return n, shown, err
		}
	}
	return 0, shown, nil
}

func TestScanTellsTheEndAtOnce(t *testing.T) {
	for _, s := range samples(t) {
		if s.err != nil {
			continue
		}
		n, shown, err := scan(slices.Concat(s.data, s.data), 1)
		if n != len(s.data) || shown != len(s.data) || err != nil {
			t.Errorf("%s: length %d after %d bytes, error %v; want both %d", s.name, n, shown, err, len(s.data))
		}
	}
}

func TestResync(t *testing.T) {
	whole := picture(t, 64, 48)
	thumb := segment(0xe1, picture(t, 16, 8)...)
	cut := whole[:len(whole)/2]
	badLength := slices.Clone(insert(whole, segment(0xe2, 1, 2, 3)))
	badLength[4], badLength[5] = 0x02, 0x00 // jumps far behind the segment

	for _, c := range []struct {
		name       string
		data       []byte
		begin, end int // the range in which Resync must lie
	}{
		{"next picture in the coded data", slices.Concat(cut, whole), len(cut), len(cut)},
		{"the same behind a thumbnail", slices.Concat(insert(cut, thumb), whole), len(cut) + len(thumb),
			len(cut) + len(thumb)},
		{"a length that jumps too far", badLength, 4, 6},
		{"a second picture right after a segment", slices.Concat(whole[:2], thumb, whole), 2 + len(thumb), 2 + len(thumb)},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, step := range []int{1, 7, len(c.data)} {
				var s jpeg.Scanner
				var err error
				for shown := 0; shown < len(c.data) && err == nil; {
					shown = min(shown+step, len(c.data))
					_, err = s.Scan(c.data[:shown])
				}
				if !errors.Is(err, jpeg.ErrMalformed) {
					t.Fatalf("steps of %d: error %v", step, err)
				}
				if got := s.Resync(); got < c.begin || got > c.end {
					t.Errorf("steps of %d: resync at %d, want %d to %d", step, got, c.begin, c.end)
				}
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		width, height, err := jpeg.Check(data)
		n, _, scanErr := scan(data, 1)
		if err == nil && (n != len(data) || scanErr != nil) {
			t.Fatalf("Check accepts, byte by byte gives length %d of %d, error %v", n, len(data), scanErr)
		}
		if whole, _, wholeErr := scan(data, max(1, len(data))); whole != n || (wholeErr == nil) != (scanErr == nil) {
			t.Fatalf("length %d, error %v at once; length %d, error %v byte by byte", whole, wholeErr, n, scanErr)
		}
		if err != nil {
			return
		}
		if width <= 0 || height <= 0 {
			t.Fatalf("accepted with size %dx%d", width, height)
		}
		if w, h, err := jpeg.Size(data); err != nil || w != width || h != height {
			t.Fatalf("Size says %dx%d, error %v; Check %dx%d", w, h, err, width, height)
		}
		if config, err := stdjpeg.DecodeConfig(bytes.NewReader(data)); err == nil && (config.Width != width ||
			config.Height != height) {
			t.Fatalf("image/jpeg says %dx%d, Check %dx%d", config.Width, config.Height, width, height)
		}
		if trimmed := jpeg.Trim(data); len(trimmed) != len(data) {
			t.Fatalf("Trim took %d bytes off a whole picture", len(data)-len(trimmed))
		}
	})
}
