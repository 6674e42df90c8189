package splitter

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
)

// fuzzLimit is small, so that inputs of a fuzzer get over it.
const fuzzLimit = 600

// sameHowever checks that it does not matter in which pieces the bytes come.
func sameHowever(t *testing.T, data []byte, split func(io.Reader) (frames []string, faults []error)) (frames []string) {
	t.Helper()
	frames, faults := split(bytes.NewReader(data))
	for _, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(data)), &bitsReader{data: string(data)}} {
		again, faultsAgain := split(r)
		if !slices.Equal(again, frames) || len(faultsAgain) != len(faults) {
			t.Fatalf("at once %q, %v\nin pieces %q, %v", frames, faults, again, faultsAgain)
		}
	}
	return frames
}

func FuzzAnnexB(f *testing.F) {
	f.Add([]byte(naluStream(long, tAUD, tSPS, tPPS, tSEI, tIDR, tIDR2) + naluStream(short, tSlice, tSlice2, tFiller,
		tEnd, tSlice)))
	f.Add([]byte("rubbish" + naluStream(short, tSlice2, tPrefix, tIDR, tPrefix, tIDR2, tPrefix, tSlice)))
	f.Add(bytes.Repeat([]byte(naluStream(long, tSlice2)), 2*fuzzLimit/7))
	f.Add(readFile(f, testdata+"bframes.h264"))
	f.Fuzz(func(t *testing.T, data []byte) {
		aus := sameHowever(t, data, func(r io.Reader) ([]string, []error) {
			s := NewAnnexB(r)
			s.limit = fuzzLimit
			return splitAll(t, s.Next, s.Skipped, len(data))
		})
		var n h264.Normalizer
		for _, au := range aus {
			if len(au) > fuzzLimit || !bytes.HasPrefix([]byte(au), []byte(short)) && !bytes.HasPrefix([]byte(au), []byte(long)) {
				t.Fatalf("%d bytes, %q", len(au), au[:min(8, len(au))])
			}
			_, _, _ = n.Normalize(nil, []byte(au)) // must not panic
		}
	})
}

func FuzzJPEG(f *testing.F) {
	a, b := jpegOf(f, 16, 8), jpegOf(f, 8, 8)
	f.Add(slices.Concat(a, b))
	f.Add(slices.Concat([]byte("rubbish"), a[:len(a)-9], b, []byte{0, 0}, []byte(withAPP1(string(a), string(b))), a[:2]))
	f.Add(slices.Concat([]byte("\xff\xd8\xff\xe1\x02\x00"), b, []byte("\xff\xd8\xff\xda\x00\x02")))
	f.Add([]byte(withAPP1(string(a), string(make([]byte, 2*fuzzLimit)))))
	f.Fuzz(func(t *testing.T, data []byte) {
		pictures := sameHowever(t, data, func(r io.Reader) ([]string, []error) {
			s := NewJPEG(r)
			s.limit = fuzzLimit
			return splitAll(t, s.Next, s.Skipped, len(data))
		})
		for _, picture := range pictures {
			if _, _, err := jpeg.Check([]byte(picture)); err != nil || len(picture) > fuzzLimit {
				t.Fatalf("%d bytes: %v", len(picture), err)
			}
		}
	})
}
