package jpeg_test

import (
	"bytes"
	"errors"
	"image"
	stdjpeg "image/jpeg"
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/jpeg"
)

// split takes the DHT segment, which image/jpeg writes in one piece with the standard tables, out of a picture.
func split(tb testing.TB, whole []byte) (without, tables []byte) {
	tb.Helper()
	at := bytes.Index(whole, []byte{0xff, 0xc4})
	if at < 0 {
		tb.Fatal("no DHT")
	}
	end := at + 2 + int(whole[at+2])<<8 + int(whole[at+3])
	return slices.Concat(whole[:at], whole[end:]), whole[at:end]
}

// TestWithTables: the tables are those of another implementation of the standard, to the byte, and the picture
// decodes to the same pixels.
func TestWithTables(t *testing.T) {
	whole := picture(t, 64, 48)
	bare, tables := split(t, whole)
	out, copied := jpeg.WithTables(nil, bare)
	if !copied || len(tables) != 420 || !bytes.Contains(out, tables) {
		t.Fatalf("copied %v, %d bytes of tables: not those that image/jpeg writes", copied, len(tables))
	}
	if at := bytes.Index(out, tables); out[at+len(tables)+1] != 0xc0 {
		t.Errorf("the tables are not in front of the frame header but of % x", out[at+len(tables):][:2])
	}
	if w, h, err := jpeg.Check(out); w != 64 || h != 48 || err != nil {
		t.Errorf("Check: %dx%d, %v", w, h, err)
	}
	got, err := stdjpeg.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	want, err := stdjpeg.Decode(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.(*image.YCbCr).Y, want.(*image.YCbCr).Y) ||
		!bytes.Equal(got.(*image.YCbCr).Cb, want.(*image.YCbCr).Cb) {
		t.Error("the picture has other pixels")
	}
}

// TestWithTablesKeepsBuffer: the memory is the caller's, to be used again.
func TestWithTablesKeepsBuffer(t *testing.T) {
	bare, _ := split(t, picture(t, 64, 48))
	buf := make([]byte, 0, len(bare)+420)
	out, copied := jpeg.WithTables(buf, bare)
	if !copied || &out[0] != &buf[:1][0] {
		t.Error("the buffer was not used")
	}
	if n := testing.AllocsPerRun(100, func() { out, _ = jpeg.WithTables(out, bare) }); n != 0 {
		t.Errorf("%v allocations per picture, want 0", n)
	}
}

func TestWithTablesLeavesAlone(t *testing.T) {
	bare, tables := split(t, picture(t, 64, 48))
	frameHeader := bytes.Index(bare, []byte{0xff, 0xc0})
	otherFrame := func(code byte) []byte {
		b := bytes.Clone(bare)
		b[frameHeader+1] = code
		return b
	}
	scan := bytes.Index(bare, []byte{0xff, 0xda})
	for name, b := range map[string][]byte{
		"tables there":                 picture(t, 64, 48),
		"tables behind the header":     slices.Concat(bare[:scan], tables, bare[scan:]),
		"progressive":                  otherFrame(0xc2),
		"arithmetic":                   otherFrame(0xc9),
		"no scan":                      bare[:scan],
		"nothing":                      nil,
		"no JPEG":                      []byte("RIFF....AVI LIST"),
		"something else than a marker": slices.Concat(bare[:2], []byte("AVI1"), bare[2:]),
	} {
		out, copied := jpeg.WithTables([]byte("old"), b)
		if copied || !bytes.Equal(out, b) {
			t.Errorf("%s: copied %v", name, copied)
		}
	}
	for name, b := range map[string][]byte{
		"extended sequential":       otherFrame(0xc1),
		"fill bytes":                slices.Concat(bare[:2], []byte{0xff, 0xff}, bare[2:]),
		"a thumbnail with tables":   insert(bare, segment(0xe1, picture(t, 16, 8)...)),
		"AVI's own segment":         insert(bare, segment(0xe0, []byte("AVI1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")...)),
		"padding behind":            slices.Concat(bare, make([]byte, 9)),
		"cut off in the coded data": bare[:len(bare)/2],
	} {
		if out, copied := jpeg.WithTables(nil, b); !copied || len(out) != len(b)+420 {
			t.Errorf("%s: copied %v, %d bytes of %d", name, copied, len(out), len(b))
		}
	}
}

func TestFirst(t *testing.T) {
	for _, s := range samples(t) {
		for _, behind := range [][]byte{nil, make([]byte, 100), {0xff, 0xd8, 1, 2}, {0}} {
			got, w, h, err := jpeg.First(slices.Concat(s.data, behind))
			want := s.err
			if errors.Is(want, jpeg.ErrTrailing) {
				want = nil
			}
			switch {
			case want == nil && (err != nil || w != s.width || h != s.height || !bytes.HasPrefix(s.data, got) ||
				!bytes.HasSuffix(got, []byte{0xff, 0xd9})):
				t.Errorf("%s, %d bytes behind: %d bytes, %dx%d, %v", s.name, len(behind), len(got), w, h, err)
			case want != nil && err == nil:
				t.Errorf("%s, %d bytes behind: no error", s.name, len(behind))
			}
		}
	}
}

func BenchmarkWithTables(b *testing.B) {
	bare, _ := split(b, picture(b, 640, 360))
	var out []byte
	b.SetBytes(int64(len(bare)))
	b.ReportAllocs()
	for b.Loop() {
		out, _ = jpeg.WithTables(out, bare)
	}
}
