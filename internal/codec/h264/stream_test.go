package h264_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	codec "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/bramble-cam/bramble/internal/codec/h264"
)

type size struct{ width, height int }

// streams are the fixtures and what is in them.
var streams = []struct {
	file           string
	pictures, keys int
	slices         int // per picture
	sizes          []size
	reorders       bool
}{
	{"slices.h264", 24, 3, 4, []size{{160, 96}}, false},
	{"change.h264", 20, 4, 1, []size{{160, 96}, {96, 64}}, false},
	{"ids.h264", 20, 4, 1, []size{{160, 96}, {96, 64}}, false},
	{"bframes.h264", 12, 1, 1, []size{{160, 96}}, true},
	{"rows.h264", 6, 2, 68, []size{{16, 1088}}, false},
}

func isSet(nalu []byte) bool { t := nalu[0] & 0x1f; return t == 7 || t == 8 }

func TestStreams(t *testing.T) {
	for _, s := range streams {
		for name, code := range map[string]string{"short": short, "long": long, "wide": wide} {
			t.Run(s.file+"/"+name, func(t *testing.T) {
				var n h264.Normalizer
				var sizes []size
				keys := 0
				aus := pictures(fixture(t, s.file))
				if len(aus) != s.pictures {
					t.Fatalf("%d pictures, want %d", len(aus), s.pictures)
				}
				for _, nalus := range aus {
					au := unit(code, nalus...)
					out, info, err := n.Normalize(nil, au)
					if err != nil {
						t.Fatal(err)
					}
					checkWire(t, au, out, info)
					if got := len(only(out, isSlice)); got != s.slices {
						t.Errorf("%d slices, want %d", got, s.slices)
					}
					if now := (size{info.Width, info.Height}); len(sizes) == 0 || now != sizes[len(sizes)-1] {
						sizes = append(sizes, now)
					}
					if info.Key {
						keys++
					}
					if got := info.Params.Reorders(); got != s.reorders {
						t.Errorf("Reorders is %v", got)
					}
				}
				if keys != s.keys || !slices.Equal(sizes, s.sizes) {
					t.Errorf("%d key frames, sizes %v; want %d, %v", keys, sizes, s.keys, s.sizes)
				}
			})
		}
	}
}

// checkWire checks all that is promised of one access unit.
func checkWire(t *testing.T, au, out []byte, info h264.Info) {
	t.Helper()
	if !equalNALUs(only(au, isSlice), only(out, isSlice)) {
		t.Error("the slices are not the same")
	}
	sei := func(nalu []byte) bool { return nalu[0]&0x1f == 6 }
	if !equalNALUs(only(au, sei), only(out, sei)) {
		t.Error("the SEI are not the same")
	}
	all := only(out, func([]byte) bool { return true })
	if !bytes.Equal(out, unit(long, all...)) {
		t.Error("not framed by 4-byte start codes alone")
	}
	if got := only(out, func(nalu []byte) bool { t := nalu[0] & 0x1f; return t >= 9 && t <= 12 }); len(got) > 0 {
		t.Errorf("NALU types %s", types(out))
	}
	if info.Key {
		want := slices.Concat(info.Params.SPS, info.Params.PPS)
		if !equalNALUs(all[:min(len(want), len(all))], want) || len(only(out, isSet)) != len(want) {
			t.Errorf("key frame with NALU types %s", types(out))
		}
	}
	if len(all) <= codec.MaxNALUsPerAccessUnit {
		var theirs codec.AnnexB
		if err := theirs.Unmarshal(out); err != nil || !equalNALUs(theirs, all) {
			t.Errorf("mediacommon disagrees: %v", err)
		}
	}
}

// Encoders such as the Raspberry Pi's without --inline send the parameter sets once, at the start.
func TestSetsSentOnce(t *testing.T) {
	var n h264.Normalizer
	for i, nalus := range pictures(fixture(t, "slices.h264")) {
		if i > 0 {
			nalus = slices.DeleteFunc(nalus, isSet)
		}
		out, info, err := n.Normalize(nil, unit(short, nalus...))
		if err != nil {
			t.Fatal(err)
		}
		if info.Key != (i%8 == 0) || info.Key && !bytes.HasPrefix(out, unit(long, info.Params.SPS[0], info.Params.PPS[0])) {
			t.Errorf("picture %d: key %v, NALU types %s", i, info.Key, types(out))
		}
		if info.ParamsChanged != (i == 0) {
			t.Errorf("picture %d: ParamsChanged is %v", i, info.ParamsChanged)
		}
	}
}

// All sets at the start of the stream, each in an access unit of its own, then pictures that refer now to these, now
// to those.
func TestSeveralIDs(t *testing.T) {
	var n h264.Normalizer
	var sets, rest [][]byte
	for nalu := range h264.NALUs(fixture(t, "ids.h264")) {
		switch {
		case !isSet(nalu):
			rest = append(rest, nalu)
		case !slices.ContainsFunc(sets, func(known []byte) bool { return bytes.Equal(known, nalu) }):
			sets = append(sets, nalu)
		}
	}
	if len(sets) != 4 {
		t.Fatalf("%d parameter sets, want 4", len(sets))
	}
	for _, set := range sets {
		if _, _, err := n.Normalize(nil, unit(short, set)); !errors.Is(err, h264.ErrNoPicture) {
			t.Fatalf("a set alone: %v", err)
		}
	}
	var params *h264.ParamSets
	for i, nalus := range pictures(unit(short, rest...)) {
		out, info, err := n.Normalize(nil, unit(short, nalus...))
		if err != nil {
			t.Fatal(err)
		}
		want := size{160, 96}
		if i >= 10 {
			want = size{96, 64}
		}
		if got := (size{info.Width, info.Height}); got != want || info.ParamsChanged != (i == 0) {
			t.Errorf("picture %d: %v, want %v; ParamsChanged %v", i, got, want, info.ParamsChanged)
		}
		if got := len(only(out, isSet)); info.Key && got != 4 {
			t.Errorf("key frame %d has %d parameter sets, want 4", i, got)
		}
		if params == nil {
			params = info.Params
		}
		if info.Params != params {
			t.Errorf("picture %d: Params is another pointer", i)
		}
	}
}

func TestParamsChanged(t *testing.T) {
	a, b := unit(long, sps(0, 10, 6), pps(0, 0)), unit(long, sps(0, 20, 12), pps(0, 0))
	key, inter := unit(long, idr(0, 0)), unit(long, inter(0, 0))
	var n h264.Normalizer
	var params []*h264.ParamSets
	for i, step := range []struct {
		au      []byte
		picture bool
		changed bool
		width   int
	}{
		{inter, true, false, 0},
		{a, false, false, 0},
		{inter, true, true, 0}, // known, but no picture has used them
		{key, true, false, 160},
		{slices.Concat(a, key), true, false, 160},
		{b, false, false, 0},
		{a, false, false, 0},
		{key, true, false, 160}, // there and back between two pictures
		{b, false, false, 0},
		{key, true, true, 320},
		{inter, true, false, 320},
		{slices.Concat(key, a), true, false, 320}, // sets for the next picture
		{key, true, true, 160},
		{slices.Concat(b, inter), true, true, 160}, // a size holds from the next key frame on
		{key, true, false, 320},
	} {
		_, info, err := n.Normalize(nil, step.au)
		if (err == nil) != step.picture || err != nil && !errors.Is(err, h264.ErrNoPicture) {
			t.Fatalf("step %d: error %v", i, err)
		}
		if info.ParamsChanged != step.changed || info.Width != step.width {
			t.Errorf("step %d: changed %v, width %d; want %v, %d", i, info.ParamsChanged, info.Width, step.changed, step.width)
		}
		if !step.picture {
			continue
		}
		if same := len(params) > 0 && params[len(params)-1] == info.Params; same == step.changed && len(params) > 0 {
			t.Errorf("step %d: changed %v, but the pointer says otherwise", i, step.changed)
		}
		params = append(params, info.Params)
	}
	first, second := params[1], params[5]
	if first.Equal(second) || first.Equal(nil) || (*h264.ParamSets)(nil).Equal(first) ||
		!(*h264.ParamSets)(nil).Equal(nil) {
		t.Error("Equal is wrong")
	}
	if !first.Equal(&h264.ParamSets{SPS: [][]byte{sps(0, 10, 6)}, PPS: [][]byte{pps(0, 0)}}) {
		t.Error("Equal compares more than the content")
	}
}
