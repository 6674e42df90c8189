package splitter

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/jpeg"
)

func jpegOf(tb testing.TB, width, height int) []byte {
	tb.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i >> 3)
	}
	img.SetGray(0, 0, color.Gray{Y: byte(width)})
	var out bytes.Buffer
	if err := stdjpeg.Encode(&out, img, &stdjpeg.Options{Quality: 90}); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// withAPP1 puts a segment as EXIF uses it behind the SOI.
func withAPP1(picture, payload string) string {
	n := len(payload) + 2
	return picture[:2] + "\xff\xe1" + string([]byte{byte(n >> 8), byte(n)}) + payload + picture[2:]
}

func TestJPEG(t *testing.T) {
	a, b, small := string(jpegOf(t, 64, 48)), string(jpegOf(t, 80, 48)), string(jpegOf(t, 16, 8))
	exif := withAPP1(a, "Exif\x00\x00"+small)
	for _, c := range []struct {
		name   string
		stream []string
		want   []int // indexes in stream
		faults int
	}{
		{"one after the other", []string{a, b, a}, []int{0, 1, 2}, 0},
		{"thumbnails", []string{exif, a, exif}, []int{0, 1, 2}, 0},
		{"zero padding", []string{a, "\x00\x00\x00", b, strings.Repeat("\x00", 5000)}, []int{0, 2}, 0},
		{"multipart", []string{"--frame\r\nContent-Type: image/jpeg\r\n\r\n", a, "\r\n--frame\r\nContent-Length: 5\r\n\r\n",
			b, "\r\n--"}, []int{1, 3}, 0},
		{"rubbish like markers between them", []string{"\xff\xd9\xff\xd8\x00\xff\xff", a, "\xff\xd9\xff\xd8\xff"}, []int{1},
			1},
		{"cut off in the coded data", []string{a, b[:len(b)-100], a}, []int{0, 2}, 1},
		{"cut off in the header", []string{a, b[:30], a, b}, []int{0, 2, 3}, 1},
		{"cut off behind a thumbnail", []string{exif[:len(exif)-100], b}, []int{1}, 1},
		{"cut off right behind SOI", []string{a[:2], b}, []int{1}, 1},
		{"cut off at the end", []string{a, b[:len(b)-1]}, []int{0}, 1},
		{"segment length zero", []string{"\xff\xd8\xff\xe0\x00\x00", a}, []int{1}, 1},
		{"no scan", []string{"\xff\xd8\xff\xd9", a}, []int{1}, 1},
		{"no frame header", []string{"\xff\xd8\xff\xda\x00\x02xx\xff\xd9", a}, []int{1}, 1},
		{"nothing", nil, nil, 0},
		{"only rubbish", []string{"HTTP/1.1 404 Not Found"}, nil, 0},
	} {
		stream := strings.Join(c.stream, "")
		var want []string
		for _, i := range c.want {
			want = append(want, c.stream[i])
		}
		for how, r := range readers(stream) {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				s := NewJPEG(r)
				got, faults := splitAll(t, s.Next, s.Skipped, len(stream))
				if !slices.Equal(got, want) || len(faults) != c.faults {
					t.Errorf("%d pictures, want %d; faults %v", len(got), len(want), faults)
				}
			})
		}
	}
}

func TestJPEGTooLarge(t *testing.T) {
	picture := string(jpegOf(t, 64, 48))
	larger := withAPP1(picture, "x")
	header := withAPP1(picture, strings.Repeat("x", 60000))
	stream := strings.Join([]string{picture, larger, picture, header, picture}, "rubbish")
	for how, r := range readers(stream) {
		t.Run(how, func(t *testing.T) {
			s := NewJPEG(r)
			s.limit = len(picture)
			got, faults := splitAll(t, s.Next, s.Skipped, len(stream))
			if want := []string{picture, picture, picture}; !slices.Equal(got, want) || len(faults) != 2 {
				t.Fatalf("%d pictures, want %d; faults %v", len(got), len(want), faults)
			}
			for _, err := range faults {
				if !errors.Is(err, ErrFrameTooLarge) {
					t.Error(err)
				}
			}
		})
	}
}

// A picture must come out before the camera sends anything else: waiting for the next one would cost a whole frame of
// latency.
func TestJPEGDoesNotWait(t *testing.T) {
	picture := jpegOf(t, 64, 48)
	r, w := io.Pipe()
	s := NewJPEG(r)
	for i := range 3 {
		written := make(chan error, 1)
		go func() {
			_, err := w.Write(picture)
			written <- err
		}()
		got, err := s.Next() // a further read would hang: nothing is written
		if err != nil || !bytes.Equal(got, picture) {
			t.Fatalf("picture %d: %d bytes, error %v", i, len(got), err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	w.CloseWithError(io.ErrClosedPipe)
	if _, err := s.Next(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the reader's error: %v", err)
	}
}

func TestBrokenJPEGSaysWhy(t *testing.T) {
	picture := jpegOf(t, 64, 48)
	s := NewJPEG(bytes.NewReader(picture[:len(picture)/2]))
	if _, err := s.Next(); !errors.Is(err, ErrFrameBroken) || !errors.Is(err, jpeg.ErrTruncated) {
		t.Error(err)
	}
}
