package h264_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/h264"
)

// FuzzNormalize feeds two access units of one stream, so that the second one meets remembered parameter sets.
func FuzzNormalize(f *testing.F) {
	s, p := sps(0, 10, 6), pps(0, 0)
	f.Add(unit(long, s, p, idr(0, 0)), unit(short, aud(), inter(0, 0)))
	f.Add(unit(short, s, p), unit(wide, sei(), idr(0, 0), idr(30, 0)))
	f.Add(unit(long, s, pps(0, 3), sps(3, 2, 2)), unit(long, idr(0, 0), s, p))
	f.Add([]byte(long), []byte("rubbish"))
	for _, stream := range streams {
		aus := pictures(fixture(f, stream.file))
		f.Add(unit(short, aus[0]...), unit(long, aus[1]...))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var n h264.Normalizer
		for _, au := range [][]byte{a, b} {
			before := bytes.Clone(au)
			out, info, err := n.Normalize(nil, au)
			if !bytes.Equal(au, before) {
				t.Fatal("the input was changed")
			}
			if err != nil {
				checkFault(t, out, info, err)
				continue
			}
			checkWire(t, au, out, info)
			if again, second, err := n.Normalize(nil, out); err != nil || !bytes.Equal(again, out) && !isSetBehindSlice(au) {
				t.Fatalf("not stable: copied %v, error %v", second.Copied, err)
			}
			checkAlone(t, out, info)
		}
	})
}

// isSetBehindSlice reports whether an access unit changes the parameter sets for the next one.
func isSetBehindSlice(au []byte) bool {
	slice := false
	for nalu := range h264.NALUs(au) {
		switch t := nalu[0] & 0x1f; {
		case t == 1, t == 2, t == 5:
			slice = true
		case slice && isSet(nalu):
			return true
		}
	}
	return false
}

func checkFault(t *testing.T, out []byte, info h264.Info, err error) {
	t.Helper()
	known := []error{h264.ErrNoPicture, h264.ErrEmpty, h264.ErrTooLarge, h264.ErrNotAnnexB, h264.ErrNoParams,
		h264.ErrBadParams}
	if !slices.ContainsFunc(known, func(k error) bool { return errors.Is(err, k) }) || out != nil ||
		info != (h264.Info{}) {
		t.Fatalf("error %v with %d bytes, %+v", err, len(out), info)
	}
}

// checkAlone checks that a viewer who knows nothing can begin with a key frame.
func checkAlone(t *testing.T, out []byte, info h264.Info) {
	t.Helper()
	if !info.Key {
		return
	}
	if info.Width <= 0 || info.Height <= 0 || len(info.Params.SPS) == 0 || len(info.Params.PPS) == 0 {
		t.Fatalf("key frame with %+v", info)
	}
	var viewer h264.Normalizer
	alone, theirs, err := viewer.Normalize(nil, out)
	if err != nil || theirs.Copied || !bytes.Equal(alone, out) {
		t.Fatalf("a new Normalizer: copied %v, error %v", theirs.Copied, err)
	}
	if theirs.Width != info.Width || theirs.Height != info.Height || !theirs.Params.Equal(info.Params) {
		t.Fatalf("a new Normalizer says %+v, not %+v", theirs, info)
	}
	if sample := h264.AppendAVCC(nil, out, info.Params); len(sample) == 0 || len(sample) > len(out) {
		t.Fatalf("MP4 sample of %d bytes from %d", len(sample), len(out))
	}
}
