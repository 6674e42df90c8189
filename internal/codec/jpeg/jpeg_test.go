package jpeg_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"os"
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/jpeg"
)

// picture encodes a picture of noise-like content, so that FF 00 pairs occur in its coded data.
func picture(tb testing.TB, width, height int) []byte {
	tb.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	seed := uint32(1)
	for y := range height {
		for x := range width {
			seed = seed*1664525 + 1013904223
			img.Set(x, y, color.RGBA{byte(x) + byte(seed>>28), byte(y) + byte(seed>>27), byte(x ^ y), 255})
		}
	}
	var out bytes.Buffer
	if err := stdjpeg.Encode(&out, img, &stdjpeg.Options{Quality: 85}); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// segment builds a marker segment.
func segment(code byte, payload ...byte) []byte {
	n := len(payload) + 2
	return append([]byte{0xff, code, byte(n >> 8), byte(n)}, payload...)
}

// insert puts a segment behind the SOI of a picture.
func insert(jpeg, seg []byte) []byte { return slices.Concat(jpeg[:2], seg, jpeg[2:]) }

// progressive is a hand-made grey 8x8 progressive picture of two scans (DC, then AC); image/jpeg decodes it.
func progressive() []byte {
	table := func(class byte) []byte { // one code, "0", for the value 0: no difference, end of block
		return segment(0xc4, slices.Concat([]byte{class << 4, 1}, make([]byte, 15), []byte{0})...)
	}
	return slices.Concat([]byte{0xff, 0xd8},
		segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...),
		segment(0xc2, 8, 0, 8, 0, 8, 1, 1, 0x11, 0),
		table(0), segment(0xda, 1, 1, 0, 0, 0, 0), []byte{0x7f},
		table(1), segment(0xda, 1, 1, 0, 1, 63, 0), []byte{0x7f},
		[]byte{0xff, 0xd9})
}

type sample struct {
	name          string
	data          []byte
	width, height int
	err, sizeErr  error
}

func samples(tb testing.TB) []sample {
	tb.Helper()
	whole := picture(tb, 64, 48)
	head, frameHeader := []byte{0xff, 0xd8}, segment(0xc0, 8, 0, 8, 0, 16, 1, 1, 0x11, 0)
	scan := segment(0xda, 1, 1, 0, 0, 63, 0)
	tail := []byte{0xff, 0xd9}
	restarts, err := os.ReadFile("testdata/restart.jpeg")
	if err != nil {
		tb.Fatal(err)
	}
	return []sample{
		{"plain", whole, 64, 48, nil, nil},
		{"real camera style, with restart markers", restarts, 96, 64, nil, nil},
		{"thumbnail in APP1", insert(whole, segment(0xe1, picture(tb, 16, 8)...)), 64, 48, nil, nil},
		{"thumbnail cut off by its APP1", insert(whole, segment(0xe1, picture(tb, 16, 8)[:200]...)), 64, 48, nil, nil},
		{"EOI in a comment", insert(whole, segment(0xfe, 0xff, 0xd9)), 64, 48, nil, nil},
		{"fill bytes before a marker", slices.Concat(head, []byte{0xff, 0xff}, whole[2:]), 64, 48, nil, nil},
		{"fill bytes before EOI", slices.Concat(whole[:len(whole)-2], []byte{0xff, 0xff}, tail), 64, 48, nil, nil},
		{"two scans", progressive(), 8, 8, nil, nil},
		{"stuffing and restarts in the coded data", slices.Concat(head, frameHeader, scan,
			[]byte{1, 0xff, 0, 2, 0xff, 0xd0, 3, 0xff, 0xd7, 0xff, 0}, tail), 16, 8, nil, nil},
		{"DNL behind the scan", slices.Concat(head, frameHeader, scan, []byte{1}, segment(0xdc, 0, 8), tail),
			16, 8, nil, nil},
		{"empty", nil, 0, 0, jpeg.ErrTruncated, jpeg.ErrTruncated},
		{"SOI only", head, 0, 0, jpeg.ErrTruncated, jpeg.ErrTruncated},
		{"text", []byte("HTTP/1.1 404"), 0, 0, jpeg.ErrNotJPEG, jpeg.ErrNotJPEG},
		{"no EOI", whole[:len(whole)-2], 64, 48, jpeg.ErrTruncated, nil},
		{"half an EOI", whole[:len(whole)-1], 64, 48, jpeg.ErrTruncated, nil},
		{"cut in the coded data", whole[:len(whole)*2/3], 64, 48, jpeg.ErrTruncated, nil},
		{"cut in the header", whole[:30], 0, 0, jpeg.ErrTruncated, jpeg.ErrTruncated},
		{"cut in the frame header", slices.Concat(head, frameHeader[:8]), 0, 0, jpeg.ErrTruncated, jpeg.ErrTruncated},
		{"cut in the scan header", slices.Concat(head, frameHeader, scan[:6]), 16, 8, jpeg.ErrTruncated, nil},
		{"no frame header", slices.Concat(head, scan, []byte{1}, tail), 0, 0, jpeg.ErrNoSize, jpeg.ErrNoSize},
		{"zero width", slices.Concat(head, segment(0xc0, 8, 0, 8, 0, 0, 1, 1, 0x11, 0), scan, tail), 0, 0,
			jpeg.ErrNoSize, jpeg.ErrNoSize},
		{"zero height", slices.Concat(head, segment(0xc0, 8, 0, 0, 0, 8, 1, 1, 0x11, 0), scan, tail), 0, 0,
			jpeg.ErrNoSize, jpeg.ErrNoSize},
		{"short frame header", slices.Concat(head, segment(0xc0, 8, 0), scan, tail), 0, 0, jpeg.ErrMalformed,
			jpeg.ErrMalformed},
		{"two frame headers", slices.Concat(head, frameHeader, frameHeader, scan, tail), 16, 8, jpeg.ErrMalformed, nil},
		{"no scan", slices.Concat(head, frameHeader, tail), 16, 8, jpeg.ErrMalformed, nil},
		{"segment length 1", slices.Concat(head, []byte{0xff, 0xe0, 0, 1}, tail), 0, 0, jpeg.ErrMalformed, jpeg.ErrMalformed},
		{"no marker after a segment", slices.Concat(head, segment(0xe0, 1), []byte{0}, tail), 0, 0,
			jpeg.ErrMalformed, jpeg.ErrMalformed},
		{"frame header between scans", slices.Concat(head, frameHeader, scan, []byte{1}, frameHeader, scan, tail), 16, 8,
			jpeg.ErrMalformed, nil},
		{"reserved marker in the coded data", slices.Concat(head, frameHeader, scan, []byte{1, 0xff, 0x02}, tail), 16, 8,
			jpeg.ErrMalformed, nil},
		{"new picture inside the coded data", slices.Concat(whole[:len(whole)/2], whole), 64, 48, jpeg.ErrMalformed, nil},
		{"second picture", slices.Concat(whole, whole), 64, 48, jpeg.ErrTrailing, nil},
		{"zero padding", slices.Concat(whole, make([]byte, 7)), 64, 48, jpeg.ErrTrailing, nil},
	}
}

func TestCheckAndSize(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			width, height, err := jpeg.Check(s.data)
			if !errors.Is(err, s.err) {
				t.Fatalf("Check: error %v, want %v", err, s.err)
			}
			if err == nil && (width != s.width || height != s.height) {
				t.Errorf("Check: %dx%d, want %dx%d", width, height, s.width, s.height)
			}
			width, height, err = jpeg.Size(s.data)
			if !errors.Is(err, s.sizeErr) || width != s.width || height != s.height {
				t.Errorf("Size: %dx%d, error %v; want %dx%d, error %v", width, height, err, s.width, s.height, s.sizeErr)
			}
		})
	}
}

func TestSamplesAreRealPictures(t *testing.T) {
	for _, s := range samples(t) {
		switch s.name {
		case "plain", "real camera style, with restart markers", "thumbnail in APP1", "two scans", "fill bytes before EOI":
			if _, err := stdjpeg.Decode(bytes.NewReader(s.data)); err != nil {
				t.Errorf("%s: image/jpeg refuses the sample: %v", s.name, err)
			}
		}
	}
}

func TestTrim(t *testing.T) {
	whole := picture(t, 32, 16)
	for _, padding := range []int{0, 1, 2, 4096} {
		got := jpeg.Trim(slices.Concat(whole, make([]byte, padding)))
		if !bytes.Equal(got, whole) {
			t.Errorf("%d bytes of padding: %d bytes left, want %d", padding, len(got), len(whole))
		}
	}
	if got := jpeg.Trim(make([]byte, 9)); len(got) != 0 {
		t.Errorf("only padding: %d bytes left", len(got))
	}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	whole := picture(t, 320, 240)
	got := testing.AllocsPerRun(100, func() {
		if _, _, err := jpeg.Check(whole); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations per picture, want 0", got)
	}
}

func BenchmarkCheck(b *testing.B) {
	whole := picture(b, 640, 360)
	b.SetBytes(int64(len(whole)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := jpeg.Check(whole); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSize(b *testing.B) {
	whole := picture(b, 640, 360)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := jpeg.Size(whole); err != nil {
			b.Fatal(err)
		}
	}
}
