//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestHead(t *testing.T) {
	sent := time.Unix(1_790_000_000, 123_456_789)
	for _, size := range []int{1, 10 << 10, 1 << 20} {
		h := head(size, sent)
		if len(h) != headSize {
			t.Errorf("%d bytes: a head of %d, want %d", size, len(h), headSize)
		}
		if at, err := readHead(h); err != nil || !at.Equal(sent) {
			t.Errorf("%d bytes: %v, %v", size, at, err)
		}
	}
	for _, bad := range []string{"", "X-Sent: 12", "X-Sent: x\r\n\r\n"} {
		if at, err := readHead([]byte(bad)); err == nil {
			t.Errorf("%q is taken for %v", bad, at)
		}
	}
}

// TestVector: whatever was sent already, the rest is what is left of all slices together.
func TestVector(t *testing.T) {
	slices := [][]byte{[]byte("head"), []byte("the frame"), []byte("end")}
	all := bytes.Join(slices, nil)
	for from := range len(all) {
		var iov [3]unix.Iovec
		n := vector(slices, from, &iov)
		got := 0
		for _, v := range iov[:n] {
			got += int(v.Len)
		}
		if got != len(all)-from || *iov[0].Base != all[from] {
			t.Errorf("from %d: %d bytes that begin with %q, want %d with %q", from, got, *iov[0].Base, len(all)-from, all[from])
		}
	}
}

// TestKeep: the file holds what goroutines would send, and neither can be changed nor closed while somebody needs it.
func TestKeep(t *testing.T) {
	p := newPicture(1, []byte("the frame"))
	if err := p.keep(headSize); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(p.file)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "frame")
	defer func() { _ = f.Close() }()
	got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<10))
	if err != nil || string(got) != "the frame"+tail {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := f.WriteAt([]byte("another"), 0); err == nil {
		t.Error("a frame can be changed after it was handed on")
	}
	if err := f.Truncate(0); err == nil {
		t.Error("a frame can be cut after it was handed on")
	}
	if !p.hold() {
		t.Error("the picture is gone")
	}
	p.release()
	p.release()
	if p.hold() {
		t.Error("a closed file is held")
	}
}

// TestFeed: pictures are counted when their last byte has come, however the stream is cut.
func TestFeed(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 500)
	unit := bytes.Join([][]byte{head(len(body), time.Now()), body, []byte(tail)}, nil)
	stream := append(append([]byte(nil), unit...), unit...)
	for _, size := range []int{1, 7, 400, len(stream)} {
		v, got := &viewer{unit: unitSize(len(body))}, tally{count: true}
		for b := stream; len(b) > 0; b = b[min(size, len(b)):] {
			if err := v.feed(b[:min(size, len(b))], &got); err != nil {
				t.Fatal(err)
			}
			if len(b) > size && len(got.late) > 1 {
				t.Errorf("in pieces of %d: counted before the end", size)
			}
		}
		if len(got.late) != 2 {
			t.Errorf("in pieces of %d: %d pictures, want 2", size, len(got.late))
		}
	}
	if err := (&viewer{unit: unitSize(1)}).feed(bytes.Repeat([]byte("x"), unitSize(1)), &tally{}); err == nil {
		t.Error("noise is taken for a picture")
	}
}

func TestCompletion(t *testing.T) {
	message := func(origin, code byte, first, last uint32) []byte {
		b := make([]byte, unix.CmsgSpace(16))
		h := binary.NativeEndian
		h.PutUint64(b, uint64(unix.CmsgLen(16)))
		h.PutUint32(b[8:], unix.SOL_IP)
		h.PutUint32(b[12:], unix.IP_RECVERR)
		b[20], b[22] = origin, code
		h.PutUint32(b[24:], first)
		h.PutUint32(b[28:], last)
		return b
	}
	for _, c := range []struct {
		control []byte
		done    int
		copied  bool
	}{
		{message(5, 0, 7, 7), 1, false}, {message(5, 1, 7, 9), 3, true}, {message(5, 1, 1<<32-1, 0), 2, true}, {message(1, 1, 7, 9), 0, false}, {nil, 0, false},
	} {
		if done, copied, err := completion(c.control); err != nil || done != c.done || copied != c.copied {
			t.Errorf("%x: %d, %v, %v; want %d, %v", c.control, done, copied, err, c.done, c.copied)
		}
	}
}

func TestTicks(t *testing.T) {
	user, system, err := ticks("12 (a) b) S 1 2 3 4 5 6 7 8 9 10 110 220 0 0 20 0")
	if err != nil || user != 110 || system != 220 {
		t.Errorf("%d, %d, %v", user, system, err)
	}
	if _, _, err := ticks("12 (a) S 1"); err == nil {
		t.Error("a short line is taken")
	}
}

func TestParse(t *testing.T) {
	for _, bad := range [][]string{{"--viewers", "0"}, {"--sizes", "x"}, {"--ways", "carrier-pigeon"}, {"--lowat", "-1"}, {"--runs", "0"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	s, err := parse([]string{"--sizes", "1,2", "--ways", "loop"})
	if err != nil || len(s.sizes) != 2 || s.sizes[1] != 2 || len(s.ways) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestMedian(t *testing.T) {
	m := median([]figures{{CPU: 9, P50: 1}, {CPU: 1, P50: 2}, {CPU: 5, P50: 3}})
	if m.CPU != 5 || m.P50 != 2 {
		t.Errorf("%+v", m)
	}
}
