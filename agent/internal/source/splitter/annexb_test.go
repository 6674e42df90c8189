package splitter

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// NALUs with just the bits that a splitter looks at.
const (
	tAUD    = "\x09\xf0"
	tSPS    = "\x67\x42\x00\x1e"
	tPPS    = "\x68\xce\x38"
	tSEI    = "\x06\x05\x80"
	tIDR    = "\x65\x88\x84" // first_mb_in_slice 0
	tIDR2   = "\x65\x04\x21" // a later slice of the picture
	tSlice  = "\x41\x9a\x24"
	tSlice2 = "\x41\x06\x92"
	tPrefix = "\x6e\x40\x80" // type 14
	tFiller = "\x0c\xff\x80"
	tEnd    = "\x0a"
)

const (
	short = "\x00\x00\x01"
	long  = "\x00\x00\x00\x01"
)

// naluStream joins NALUs with start codes in front.
func naluStream(code string, nalus ...string) string {
	var b strings.Builder
	for _, nalu := range nalus {
		b.WriteString(code + nalu)
	}
	return b.String()
}

// splitAll reads a stream to its end. It checks what holds for every stream: each byte is either handed out or skipped.
func splitAll(
	t testing.TB, next func() ([]byte, error), skipped func() int64, total int,
) (frames []string, faults []error) {
	t.Helper()
	sum := 0
	for {
		data, err := next()
		switch {
		case errors.Is(err, io.EOF):
			if sum+int(skipped()) != total {
				t.Errorf("%d bytes handed out and %d skipped of %d", sum, skipped(), total)
			}
			if _, err := next(); !errors.Is(err, io.EOF) {
				t.Errorf("after io.EOF: %v", err)
			}
			return frames, faults
		case errors.Is(err, ErrFrameTooLarge), errors.Is(err, ErrFrameBroken):
			faults = append(faults, err)
		case err != nil:
			t.Fatalf("frame %d: %v", len(frames), err)
		default:
			frames = append(frames, string(data))
			sum += len(data)
		}
	}
}

// readers deliver the same bytes in different ways.
func readers(data string) map[string]io.Reader {
	return map[string]io.Reader{
		"at once":        strings.NewReader(data),
		"byte by byte":   iotest.OneByteReader(strings.NewReader(data)),
		"halves":         iotest.HalfReader(strings.NewReader(data)),
		"EOF with data":  iotest.DataErrReader(strings.NewReader(data)),
		"pipe-like bits": &bitsReader{data: data},
	}
}

// bitsReader delivers 7 bytes at a time, and nothing every other time.
type bitsReader struct {
	data string
	idle bool
}

func (r *bitsReader) Read(p []byte) (int, error) {
	if r.idle = !r.idle; r.idle {
		return 0, nil
	}
	if r.data == "" {
		return 0, io.EOF
	}
	n := copy(p, r.data[:min(7, len(r.data))])
	r.data = r.data[n:]
	return n, nil
}

func TestAnnexB(t *testing.T) {
	key := []string{tSPS, tPPS, tIDR}
	join := func(code string, aus ...[]string) (out []string) {
		for _, au := range aus {
			out = append(out, naluStream(code, au...))
		}
		return out
	}
	for _, c := range []struct {
		name    string
		aus     []string // joined, this is the stream
		before  string
		skipped int64
	}{
		{"4-byte start codes", join(long, key, []string{tSlice}, []string{tSlice}), "", 0},
		{"3-byte start codes", join(short, key, []string{tSlice}, []string{tSlice}), "", 0},
		{"several slices per picture", join(long, []string{tSPS, tPPS, tIDR, tIDR2, tIDR2}, []string{tSlice, tSlice2},
			[]string{tSlice, tSlice2}), "", 0},
		{"delimiters", join(long, []string{tAUD, tSPS, tPPS, tIDR, tIDR2}, []string{tAUD, tSlice}, []string{tAUD, tSlice}),
			"", 0},
		{"SEI first", join(long, []string{tSEI, tSPS, tPPS, tIDR}, []string{tSEI, tSlice}, []string{tSEI, tSlice, tSlice2}),
			"", 0},
		{"filler and end of sequence", join(long, []string{tSPS, tPPS, tIDR, tFiller, tEnd}, key), "", 0},
		{"parameter sets again", join(long, key, []string{tSlice}, key, []string{tPPS, tSlice}), "", 0},
		{"prefix NALUs", join(long, []string{tPrefix, tIDR, tPrefix, tIDR2}, []string{tPrefix, tSlice, tPrefix, tSlice2},
			[]string{tSlice}), "", 0},
		{"data partitions", join(short, key, []string{"\x42\x88", "\x43\x01", "\x44\x02"}, []string{"\x42\x88", "\x43\x01"}),
			"", 0},
		{"mixed start codes", []string{long + tSPS + long + tPPS + short + tIDR + short + tIDR2, short + tSlice,
			long + tSlice}, "", 0},
		{"one byte of payload", []string{long + tSPS + long + "\x65\x80", long + "\x41\x80", long + "\x41\x80"}, "", 0},
		{"rubbish first", join(long, key, []string{tSlice}), "rubbish\x00\x01\x00", 10},
		{"leading zeros", join(long, key), "\x00\x00\x00", 3},
		{"begins in mid picture", join(long, []string{tSlice}, []string{tSlice, tSlice2}),
			naluStream(long, tSlice2, tSlice2, "\x43\x01"), 20},
		{"forbidden_zero_bit is no picture", join(long, key), naluStream(short, "\xe7\x88\x80", "\xc1\xff\xff"), 12},
		{"only parameter sets", join(long, []string{tSPS, tPPS}), "", 0},
		{"nothing", nil, "", 0},
		{"only rubbish", nil, "HTTP/1.1 404 Not Found", 22},
	} {
		stream := c.before + strings.Join(c.aus, "")
		for how, r := range readers(stream) {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				s := NewAnnexB(r)
				got, faults := splitAll(t, s.Next, s.Skipped, len(stream))
				if !slices.Equal(got, c.aus) || len(faults) > 0 {
					t.Errorf("got %q\nwant %q\nfaults %v", got, c.aus, faults)
				}
				if s.Skipped() != c.skipped {
					t.Errorf("%d bytes skipped, want %d", s.Skipped(), c.skipped)
				}
			})
		}
	}
}

func TestAnnexBTooLarge(t *testing.T) {
	const limit = 100
	key := naluStream(long, tSPS, tPPS, tIDR)
	of := func(size int) string { return naluStream(long, tSlice) + strings.Repeat("x", size-7) }
	for _, c := range []struct {
		name   string
		stream []string
		want   []int // indexes in stream
		faults int
	}{
		{"as large as may be", []string{key, of(limit), key}, []int{0, 1, 2}, 0},
		{"one byte more", []string{key, of(limit + 1), key}, []int{0, 2}, 1},
		{"much more", []string{key, of(100 * limit), key, of(10)}, []int{0, 2, 3}, 1},
		{"two in a row", []string{key, of(3 * limit), of(2 * limit), key}, []int{0, 3}, 2},
		{"in later slices", []string{key, strings.Repeat(naluStream(long, tSlice2), 50), key}, []int{2}, 1},
		{"at the end", []string{key, of(limit + 1)}, []int{0}, 1},
		{"goes on in mid GOP", []string{of(limit + 1), of(10), of(11)}, []int{1, 2}, 1},
	} {
		stream := strings.Join(c.stream, "")
		for how, r := range readers(stream) {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				s := NewAnnexB(r)
				s.limit = limit
				var want []string
				for _, i := range c.want {
					want = append(want, c.stream[i])
				}
				got, faults := splitAll(t, s.Next, s.Skipped, len(stream))
				if !slices.Equal(got, want) || len(faults) != c.faults {
					t.Errorf("got %q\nwant %q\nfaults %v", got, want, faults)
				}
			})
		}
	}
}

func TestAnnexBReaderFails(t *testing.T) {
	broken := errors.New("broken")
	key := naluStream(long, tSPS, tPPS, tIDR)
	s := NewAnnexB(io.MultiReader(strings.NewReader(key+key+"\x00\x00\x00\x01\x67"), iotest.ErrReader(broken)))
	if au, err := s.Next(); string(au) != key || err != nil {
		t.Fatalf("%q, %v", au, err)
	}
	for range 2 {
		if au, err := s.Next(); au != nil || !errors.Is(err, broken) {
			t.Errorf("%q, %v; want the reader's error and no access unit that may be cut off", au, err)
		}
	}

	s = NewAnnexB(idleReader{})
	if _, err := s.Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that never reads: %v", err)
	}
}

// idleReader breaks the io.Reader contract in the way that bufio knows as well.
type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

// endless repeats data for ever, without memory.
type endless struct {
	data []byte
	pos  int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		m := copy(p[n:], e.data[e.pos:])
		n, e.pos = n+m, (e.pos+m)%len(e.data)
	}
	return n, nil
}

func TestSplittersBoundTheirMemory(t *testing.T) {
	mb := bytes.Repeat([]byte("no video "), 1<<20/9)
	annexB := NewAnnexB(io.LimitReader(&endless{data: mb}, 40<<20))
	if _, err := annexB.Next(); !errors.Is(err, io.EOF) || len(annexB.buf.buf) > readSize {
		t.Errorf("rubbish: buffer of %d bytes, error %v", len(annexB.buf.buf), err)
	}
	jpeg := NewJPEG(io.LimitReader(&endless{data: mb}, 40<<20))
	if _, err := jpeg.Next(); !errors.Is(err, io.EOF) || len(jpeg.buf.buf) > readSize {
		t.Errorf("rubbish: buffer of %d bytes, error %v", len(jpeg.buf.buf), err)
	}

	key := naluStream(long, tSPS, tPPS, tIDR)
	annexB = NewAnnexB(io.MultiReader(strings.NewReader(key), io.LimitReader(&endless{data: mb}, 40<<20),
		strings.NewReader(key)))
	if _, err := annexB.Next(); !errors.Is(err, ErrFrameTooLarge) {
		t.Errorf("endless access unit: %v", err)
	}
	if au, err := annexB.Next(); string(au) != key || err != nil {
		t.Errorf("the access unit behind it: %q, %v", au, err)
	}
	picture := jpegOf(t, 32, 16)
	jpeg = NewJPEG(io.MultiReader(bytes.NewReader(picture[:len(picture)-2]), io.LimitReader(&endless{data: mb}, 40<<20),
		bytes.NewReader(picture)))
	if _, err := jpeg.Next(); !errors.Is(err, ErrFrameTooLarge) {
		t.Errorf("endless picture: %v", err)
	}
	if got, err := jpeg.Next(); !bytes.Equal(got, picture) || err != nil {
		t.Errorf("the picture behind it: %d bytes, %v", len(got), err)
	}
	if a, j := len(annexB.buf.buf), len(jpeg.buf.buf); a > maxBuffer || j > maxBuffer {
		t.Errorf("buffers of %d and %d bytes, want at most %d", a, j, maxBuffer)
	}
}

// At its largest, the buffer moves what it holds to the front instead of growing.
func TestReadBufferKeepsItsMemory(t *testing.T) {
	w := readBuffer{r: &endless{data: []byte("video")}, buf: make([]byte, maxBuffer), end: maxBuffer}
	w.discard(readSize)
	first := &w.buf[0]
	if err := w.fill(); err != nil || &w.buf[0] != first || len(w.data()) != maxBuffer {
		t.Errorf("%d bytes held, same memory %v, error %v", len(w.data()), &w.buf[0] == first, err)
	}
}

func TestSplittersDoNotAllocatePerFrame(t *testing.T) {
	annexB := NewAnnexB(&endless{data: []byte(naluStream(long, tSPS, tPPS, tIDR, tIDR2) + naluStream(short, tSlice))})
	jpeg := NewJPEG(&endless{data: jpegOf(t, 64, 48)})
	for name, next := range map[string]func() ([]byte, error){"h264": annexB.Next, "jpeg": jpeg.Next} {
		got := testing.AllocsPerRun(1000, func() {
			if _, err := next(); err != nil {
				t.Fatal(err)
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations per frame, want 0", name, got)
		}
	}
}
