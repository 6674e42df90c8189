package h264

import (
	"bytes"
	"testing"

	"github.com/bramble-cam/bramble/shared/frame"
)

// FuzzSPS reads untrusted parameter sets. What is accepted has a size that may be decoded, and a stream
// that begins with it says the same size; what is remembered is bounded.
func FuzzSPS(f *testing.F) {
	for _, s := range []string{
		"\x67\x42\x00\x1e\xda\x05\x07\xe4", "\x67\x42\x00\x1e\xda\x02\x80\xf6\x40",
		"\x67\x42\x00\x1e\xda\x00\x3e\x80\x07\xd1\x90",
		"\x67\x42\x00\x1e\xda\x00\x3e\x80\x07\xd1\xe0\x01\xea\x18\x00\x7b\x25", "\x67", "\x67\xff\xff\xff\xff",
		"\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x01\x6a\x02\x02\x02\x80\x00\x00\x03\x00\x80\x00\x00\x1e\x07\x8c\x18\xcb",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, nalu []byte) {
		if len(nalu) == 0 || naluType(nalu) != 7 || len(nalu) > MaxParamSetSize {
			return
		}
		set, err := parseSPS(nalu)
		if err != nil {
			return
		}
		if set.width <= 0 || set.height <= 0 || frame.CheckSize(set.width, set.height) != nil || set.id > maxSPSID {
			t.Fatalf("taken: %dx%d, id %d", set.width, set.height, set.id)
		}
		var n Normalizer
		if err := n.store.remember(nalu); err != nil {
			t.Fatalf("parsed alone, but not remembered: %v", err)
		}
		if sets := n.store.paramSets(nil); len(sets.SPS) != 1 || !bytes.Equal(sets.SPS[0], nalu) ||
			n.store.size != len(nalu) {
			t.Fatalf("%d sets with %d bytes are remembered", len(sets.SPS), n.store.size)
		}
		if set.id != 0 {
			return
		}
		const start = "\x00\x00\x00\x01"
		nalu = bytes.TrimRight(nalu, "\x00") // they belong to the framing
		if bytes.Contains(nalu, []byte{0, 0, 1}) || nalu[0]&0x80 != 0 {
			return // not one NALU, or none
		}
		_, info, err := new(Normalizer).Normalize(nil, []byte(start+string(nalu)+start+"\x68\xcb"+start+"\x65\x88\xd6\x80"))
		if err == nil && (info.Width != set.width || info.Height != set.height) {
			t.Fatalf("a stream of %dx%d, the set says %dx%d", info.Width, info.Height, set.width, set.height)
		}
	})
}
