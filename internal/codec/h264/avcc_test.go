package h264_test

import (
	"bytes"
	"slices"
	"testing"

	codec "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/bramble-cam/bramble/internal/codec/h264"
)

func TestNALUs(t *testing.T) {
	for _, c := range []struct {
		name string
		in   string
		want []string
	}{
		{"nothing", "", nil},
		{"no start code", "abc", nil},
		{"start codes only", short + long + wide, nil},
		{"mixed start codes", short + "ab" + long + "c" + wide + "de\x00\x00", []string{"ab", "c", "de"}},
		{"zero bytes inside", long + "a\x00\x00\x02b\x00c" + short + "d", []string{"a\x00\x00\x02b\x00c", "d"}},
		{"something in front", "xyz" + short + "a", []string{"a"}},
	} {
		var got []string
		for nalu := range h264.NALUs([]byte(c.in)) {
			got = append(got, string(nalu))
			if cap(nalu) != len(nalu) {
				t.Errorf("%s: appending to a NALU would write over the next one", c.name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for range h264.NALUs([]byte(long + "a" + long + "b")) {
		break // must not go on after the loop has ended
	}
}

func TestAppendAVCC(t *testing.T) {
	var n h264.Normalizer
	head := []byte("head")
	for _, nalus := range pictures(fixture(t, "slices.h264")) {
		au, info, err := n.Normalize(nil, unit(short, nalus...))
		if err != nil {
			t.Fatal(err)
		}
		got := h264.AppendAVCC(slices.Clone(head), au, info.Params)
		if !bytes.HasPrefix(got, head) {
			t.Fatal("what was in dst is gone")
		}
		var sample codec.AVCC
		if err := sample.Unmarshal(got[len(head):]); err != nil {
			t.Fatal(err)
		}
		if want := only(au, func(nalu []byte) bool { return !isSet(nalu) }); !equalNALUs(sample, want) {
			t.Errorf("%d NALUs, want %d", len(sample), len(want))
		}
		if err := sample.Unmarshal(h264.AppendAVCC(nil, au, nil)); err != nil ||
			!equalNALUs(sample, slices.Collect(h264.NALUs(au))) {
			t.Errorf("without init segment: %d NALUs, error %v", len(sample), err)
		}
	}
}

func TestAppendAVCCKeepsSetsThatInitLacks(t *testing.T) {
	old := &h264.ParamSets{SPS: [][]byte{sps(0, 10, 6)}, PPS: [][]byte{pps(0, 0)}}
	au := unit(long, sps(0, 10, 6), pps(0, 0), pps(1, 0), idr(0, 0))
	var sample codec.AVCC
	if err := sample.Unmarshal(h264.AppendAVCC(nil, au, old)); err != nil {
		t.Fatal(err)
	}
	if !equalNALUs(sample, [][]byte{pps(1, 0), idr(0, 0)}) {
		t.Errorf("% x", sample)
	}
}

func TestIterationDoesNotAllocate(t *testing.T) {
	au := unit(long, sps(0, 10, 6), pps(0, 0), idr(0, 0))
	params := &h264.ParamSets{SPS: [][]byte{sps(0, 10, 6)}, PPS: [][]byte{pps(0, 0)}}
	buf := make([]byte, 0, 256)
	total := 0
	got := testing.AllocsPerRun(100, func() {
		for nalu := range h264.NALUs(au) {
			total += len(nalu)
		}
		total += len(h264.AppendAVCC(buf, au, params))
	})
	if got != 0 || total == 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}
