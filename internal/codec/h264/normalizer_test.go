package h264_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/h264"
)

func TestNormalizeForms(t *testing.T) {
	s, p, i, q := sps(0, 10, 6), pps(0, 0), idr(0, 0), inter(0, 0)
	i2, q2 := idr(30, 0), inter(30, 0)
	wire := unit(long, s, p, i)
	for _, c := range []struct {
		name    string
		in, out []byte
		copied  bool
	}{
		{"wire form", wire, wire, false},
		{"wire form with SEI and two slices", unit(long, s, p, sei(), i, i2), unit(long, s, p, sei(), i, i2), false},
		{"3-byte start codes", unit(short, s, p, i), wire, true},
		{"extra zero bytes", unit(wide, s, p, i), wire, true},
		{"a 3-byte and a 5-byte start code", slices.Concat([]byte(long), s, []byte(short), p, []byte("\x00\x00\x00\x00\x01"),
			i), wire, true},
		{"trailing zero bytes", append(slices.Clone(wire), 0, 0, 0, 0), wire, true},
		{"empty NALU", slices.Concat([]byte(long), wire), wire, true},
		{"delimiter first", unit(long, aud(), s, p, i), wire, true},
		{"delimiter and SEI first", unit(short, aud(), sei(), s, p, i), unit(long, s, p, sei(), i), true},
		{"SEI first", unit(long, sei(), s, p, i), unit(long, s, p, sei(), i), true},
		{"SEI between the sets", unit(long, s, sei(), p, i), unit(long, s, p, sei(), i), true},
		{"PPS before SPS", unit(long, p, s, i), wire, true},
		{"sets twice", unit(long, s, p, s, p, i), wire, true},
		{"filler and ends", unit(long, s, p, i, []byte{0x0c, 0xff, 0x80}, []byte{0x0a}, []byte{0x0b}), wire, true},
		{"unknown types stay", unit(short, s, p, []byte{0x1e, 1}, i, []byte{0x13, 2}),
			unit(long, s, p, []byte{0x1e, 1}, i, []byte{0x13, 2}), true},
		{"sets behind the slices are for the next one", unit(long, s, p, i, s, p), wire, true},
		{"inter", unit(long, q, q2), unit(long, q, q2), false},
		{"inter with short start codes", unit(short, q, q2), unit(long, q, q2), true},
		{"inter with delimiter", unit(long, aud(), q), unit(long, q), true},
		{"inter keeps its sets", unit(long, sei(), p, q), unit(long, sei(), p, q), false},
		{"inter before IDR: the first slice decides", unit(long, q, i), unit(long, q, i), false},
		{"data partitions", unit(short, []byte{0x42, 0x88, 0x84}, []byte{0x43, 1}, []byte{0x44, 2}),
			unit(long, []byte{0x42, 0x88, 0x84}, []byte{0x43, 1}, []byte{0x44, 2}), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n h264.Normalizer
			in := slices.Clone(c.in)
			out, info, err := n.Normalize(nil, in)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out, c.out) {
				t.Errorf("got\n% x, want\n% x", out, c.out)
			}
			if info.Copied != c.copied || !c.copied && &out[0] != &in[0] {
				t.Errorf("Copied is %v, want %v", info.Copied, c.copied)
			}
			if !bytes.Equal(in, c.in) {
				t.Error("the input was changed")
			}
			if info.Key != (out[4]&0x1f == 7) {
				t.Errorf("Key is %v for NALU types %s", info.Key, types(out))
			}
			if again, info, err := n.Normalize(nil, out); err != nil || info.Copied || !bytes.Equal(again, out) {
				t.Errorf("not stable: copied %v, error %v", info.Copied, err)
			}
		})
	}
}

func TestNormalizeFaults(t *testing.T) {
	s, p, i := sps(0, 10, 6), pps(0, 0), idr(0, 0)
	many := bytes.Repeat(unit(long, inter(0, 0)), h264.MaxNALUs+1)
	long4k := append(slices.Clone(p), bytes.Repeat([]byte{0xff}, h264.MaxParamSetSize)...)
	for _, c := range []struct {
		name string
		in   []byte
		err  error
	}{
		{"nothing", nil, h264.ErrEmpty},
		{"a start code only", []byte(long), h264.ErrEmpty},
		{"start codes only", []byte(long + short + wide), h264.ErrEmpty},
		{"no start code", []byte("not video at all"), h264.ErrNotAnnexB},
		{"zero bytes", make([]byte, 100), h264.ErrNotAnnexB},
		{"rubbish before the start code", append([]byte{7}, unit(long, s, p, i)...), h264.ErrNotAnnexB},
		{"length prefix", append([]byte{0, 0, 0, byte(len(i))}, i...), h264.ErrNotAnnexB},
		{"forbidden_zero_bit", unit(long, s, p, i, []byte{0xc1, 0x9a}), h264.ErrNotAnnexB},
		{"unspecified types only", unit(long, []byte{0x00, 1}, []byte{0x1f, 1}), h264.ErrNotAnnexB},
		{"partition without A", unit(long, []byte{0x43, 1}), h264.ErrNotAnnexB},
		{"IDR without sets", unit(long, i), h264.ErrNoParams},
		{"IDR without SPS", unit(long, p, i), h264.ErrNoParams},
		{"IDR without PPS", unit(long, s, i), h264.ErrNoParams},
		{"IDR that refers to another PPS", unit(long, s, p, idr(0, 1)), h264.ErrNoParams},
		{"PPS that refers to another SPS", unit(long, s, pps(0, 1), i), h264.ErrNoParams},
		{"IDR slice without a header", unit(long, s, p, []byte{0x65}), h264.ErrNotAnnexB},
		{"SPS cut short", unit(long, s[:5], p, i), h264.ErrBadParams},
		{"SPS of one byte", unit(long, s[:1], p, i), h264.ErrBadParams},
		{"SPS id 32", unit(long, sps(32, 10, 6), p, i), h264.ErrBadParams},
		{"SPS far too wide", unit(long, sps(0, 2000, 6), p, i), h264.ErrBadParams},
		{"SPS with overflowing width", unit(long, sps(0, 1<<28+1, 6), p, i), h264.ErrBadParams},
		{"SPS cropped to nothing", unit(long, cropped(80, 0), p, i), h264.ErrBadParams},
		{"SPS with overflowing cropping", unit(long, cropped(1<<31, 1<<31), p, i), h264.ErrBadParams},
		{"PPS id 256", unit(long, s, pps(256, 0), i), h264.ErrBadParams},
		{"PPS refers to SPS 32", unit(long, s, pps(0, 32), i), h264.ErrBadParams},
		{"PPS over 4 KiB", unit(long, s, long4k, i), h264.ErrBadParams},
		{"too many NALUs", many, h264.ErrTooLarge},
		{"too many bytes", append(unit(long, s, p, i), make([]byte, h264.MaxAccessUnitSize)...), h264.ErrTooLarge},
		{"sets only", unit(long, s, p), h264.ErrNoPicture},
		{"SEI only", unit(long, sei()), h264.ErrNoPicture},
		{"delimiter only", unit(long, aud()), h264.ErrNoPicture},
		{"slice extension only", unit(long, []byte{0x74, 1, 2}), h264.ErrNoPicture},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n h264.Normalizer
			out, info, err := n.Normalize(nil, c.in)
			if !errors.Is(err, c.err) || out != nil || info != (h264.Info{}) {
				t.Fatalf("error %v, want %v; %d bytes, %+v", err, c.err, len(out), info)
			}
			if _, _, err := n.Normalize(nil, unit(long, s, p, i)); err != nil {
				t.Errorf("a good access unit after it: %v", err)
			}
		})
	}
}

// With its parameter sets put in front, an IDR may grow over the limits that it kept itself.
func TestNormalizeFaultsBySets(t *testing.T) {
	s, p := sps(0, 10, 6), pps(0, 0)
	slicesOf := func(n int) []byte { return bytes.Repeat(unit(long, idr(0, 0)), n) }
	padded := func(size int) []byte {
		au := unit(long, idr(0, 0))
		return append(au, bytes.Repeat([]byte{0xff}, size-len(au))...)
	}
	sets := len(unit(long, s, p))
	for _, c := range []struct {
		name string
		au   []byte
		err  error
	}{
		{"NALUs, just enough room", slicesOf(h264.MaxNALUs - 2), nil},
		{"NALUs", slicesOf(h264.MaxNALUs - 1), h264.ErrTooLarge},
		{"bytes, just enough room", padded(h264.MaxAccessUnitSize - sets), nil},
		{"bytes", padded(h264.MaxAccessUnitSize - sets + 1), h264.ErrTooLarge},
	} {
		var n h264.Normalizer
		if _, _, err := n.Normalize(nil, unit(long, s, p)); !errors.Is(err, h264.ErrNoPicture) {
			t.Fatal(err)
		}
		out, _, err := n.Normalize(nil, c.au)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.err)
		}
		if _, info, err := n.Normalize(nil, out); c.err == nil && (err != nil || info.Copied) {
			t.Errorf("%s: not stable: error %v", c.name, err)
		}
	}
}

func TestAllSetsTogetherAreLimited(t *testing.T) {
	var n h264.Normalizer
	var err error
	for id := 0; id < 256 && err == nil; id++ {
		big := append(pps(id, 0), bytes.Repeat([]byte{0xff}, 2000)...)
		if _, _, err = n.Normalize(nil, unit(long, big)); errors.Is(err, h264.ErrNoPicture) {
			err = nil
		}
	}
	if !errors.Is(err, h264.ErrBadParams) {
		t.Errorf("256 sets of 2 kB: error %v, want %v", err, h264.ErrBadParams)
	}

	n = h264.Normalizer{}
	for i := range 256 {
		changed := append(pps(0, 0), bytes.Repeat([]byte{byte(i) | 1}, 2000+i)...)
		if _, _, err := n.Normalize(nil, unit(long, changed)); !errors.Is(err, h264.ErrNoPicture) {
			t.Fatalf("change %d of one set: %v", i, err)
		}
	}
}

func TestNormalizeReusesTheCallersBuffer(t *testing.T) {
	var n h264.Normalizer
	var buf []byte
	au := unit(short, sps(0, 10, 6), pps(0, 0), idr(0, 0))
	for range 3 {
		out, info, err := n.Normalize(buf, au)
		if err != nil || !info.Copied {
			t.Fatal(info, err)
		}
		if buf != nil && &out[0] != &buf[0] {
			t.Error("dst was not used though it is large enough")
		}
		buf = out
	}
}

func TestNormalizeHardlyAllocates(t *testing.T) {
	var n h264.Normalizer
	s, p := sps(0, 10, 6), pps(0, 0)
	units := [][]byte{
		unit(long, s, p, idr(0, 0)), unit(long, inter(0, 0)), // as they are
		unit(short, aud(), s, p, idr(0, 0)), unit(short, inter(0, 0)), // copied
	}
	buf := make([]byte, 0, 1024)
	pass := func() {
		for _, au := range units {
			if _, _, err := n.Normalize(buf, au); err != nil {
				t.Fatal(err)
			}
		}
	}
	pass() // remembers the sets
	if got := testing.AllocsPerRun(100, pass); got != 0 {
		t.Errorf("%v allocations for %d access units, want 0", got, len(units))
	}
}
