package mpjpeg_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/mpjpeg"
)

// pictures hold what may confuse a parser: the boundary's beginning, line ends, nothing at all.
func pictures() [][]byte {
	return [][]byte{
		[]byte("\xff\xd8 one \xff\xd9"),
		[]byte("\xff\xd8\r\n--bramble\r\n\r\nContent-Length: 3\r\n\r\n\xff\xd9"),
		bytes.Repeat([]byte("\r\n--"), 5000),
		{0},
	}
}

func at(i int) time.Time { return time.Unix(1767225600+int64(i), 123456789) }

// writePart writes one part as the hub sends it.
func writePart(w *bytes.Buffer, picture []byte, captured time.Time) {
	w.Write(mpjpeg.PartHeader(nil, len(picture), captured))
	w.Write(picture)
	w.Write(mpjpeg.Tail)
}

func response(pictures [][]byte) *bytes.Buffer {
	var w bytes.Buffer
	w.Write(mpjpeg.Preamble)
	for i, p := range pictures {
		writePart(&w, p, at(i))
	}
	return &w
}

func TestGolden(t *testing.T) {
	const want = "--bramble-part\r\n" +
		"Content-Type: image/jpeg\r\nContent-Length: 3\r\nX-Timestamp: 1767225600.123456\r\n\r\n" +
		"abc\r\n--bramble-part\r\n"
	if got := response([][]byte{[]byte("abc")}).String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if mpjpeg.ContentType != "multipart/x-mixed-replace; boundary=bramble-part" {
		t.Error(mpjpeg.ContentType)
	}
}

func TestTimestamp(t *testing.T) {
	for want, captured := range map[string]time.Time{
		"0.000000":          {},
		"0.000001":          time.UnixMicro(1),
		"12.000040":         time.Unix(12, 40999),
		"1767225600.999999": time.Unix(1767225600, 999999999),
	} {
		if got := string(mpjpeg.PartHeader(nil, 1, captured)); !strings.HasSuffix(got, "\r\nX-Timestamp: "+want+"\r\n\r\n") {
			t.Errorf("want %s, got %q", want, got)
		}
	}
}

// TestStandardParser reads a response that is cut off behind its last part, as every one of them is.
func TestStandardParser(t *testing.T) {
	kind, params, err := mime.ParseMediaType(mpjpeg.ContentType)
	if err != nil || kind != "multipart/x-mixed-replace" {
		t.Fatal(kind, err)
	}
	parts := multipart.NewReader(response(pictures()), params["boundary"])
	for i, want := range pictures() {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(part)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("part %d: %q, %v; want %q", i, got, err, want)
		}
		if got := part.Header.Get("Content-Length"); got != strconv.Itoa(len(want)) {
			t.Errorf("part %d: Content-Length %s", i, got)
		}
		if got := part.Header.Get("Content-Type"); got != "image/jpeg" {
			t.Errorf("part %d: Content-Type %s", i, got)
		}
	}
	if _, err := parts.NextRawPart(); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Errorf("behind the last part: %v", err)
	}
}

// TestPartIsCompleteWithItsPicture gives the parsers one part at a time: neither may need a byte of the next one.
func TestPartIsCompleteWithItsPicture(t *testing.T) {
	for name, parse := range map[string]func(io.Reader, chan<- []byte){"boundary": byBoundary, "length": byLength} {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe()
			defer w.Close()
			shown := make(chan []byte, 1)
			go parse(r, shown)
			if _, err := w.Write(mpjpeg.Preamble); err != nil {
				t.Fatal(err)
			}
			for i, want := range pictures() {
				var part bytes.Buffer
				writePart(&part, want, at(i))
				if _, err := w.Write(part.Bytes()); err != nil {
					t.Fatal(err)
				}
				select {
				case got := <-shown:
					if !bytes.Equal(got, want) {
						t.Fatalf("picture %d: %q", i, got)
					}
				case <-time.After(30 * time.Second):
					t.Fatalf("picture %d is held back until more comes", i)
				}
			}
		})
	}
}

// byBoundary shows a picture when the boundary behind it is there, with its line end, as browsers do.
func byBoundary(r io.Reader, shown chan<- []byte) {
	defer close(shown)
	var got []byte
	for buf := make([]byte, 4096); ; {
		n, err := r.Read(buf)
		if err != nil {
			return
		}
		got = append(got, buf[:n]...)
		got = bytes.TrimPrefix(got, mpjpeg.Preamble)
		if head, rest, ok := bytes.Cut(got, []byte("\r\n\r\n")); ok && head != nil {
			if picture, next, ok := bytes.Cut(rest, mpjpeg.Tail); ok {
				shown <- bytes.Clone(picture)
				got = slices.Clone(next)
			}
		}
	}
}

// byLength believes Content-Length, as scripts do: line, headers, that many bytes, line.
func byLength(r io.Reader, shown chan<- []byte) {
	defer close(shown)
	in := bufio.NewReader(r)
	for {
		if line, err := in.ReadString('\n'); err != nil || line != "--bramble-part\r\n" {
			return
		}
		header, err := textproto.NewReader(in).ReadMIMEHeader()
		if err != nil {
			return
		}
		n, err := strconv.Atoi(header.Get("Content-Length"))
		if err != nil {
			return
		}
		picture := make([]byte, n+2) // with the line end in front of the boundary
		if _, err := io.ReadFull(in, picture); err != nil {
			return
		}
		shown <- picture[:n]
	}
}

func TestPartHeaderDoesNotAllocate(t *testing.T) {
	buf, captured := make([]byte, 0, 128), at(0)
	if n := testing.AllocsPerRun(100, func() { buf = mpjpeg.PartHeader(buf[:0], 84_013, captured) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPartHeader(b *testing.B) {
	buf, captured := make([]byte, 0, 128), at(0)
	b.ReportAllocs()
	for b.Loop() {
		buf = mpjpeg.PartHeader(buf[:0], 84_013, captured)
	}
}
