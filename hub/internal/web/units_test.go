package web

import (
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/h264"
)

// TestUnits compares the NAL units of the fixtures with those that their units name, because other tests rely on
// them.
func TestUnits(t *testing.T) {
	list := units(t, "slices.h264")
	keys := 0
	for _, u := range list {
		slices := 0
		for nalu := range h264.NALUs(u.marked(1, 100).data) {
			if kind := nalu[0] & 0x1f; kind == 1 || kind == 5 {
				slices++
			}
		}
		if slices != 4 || u.params != list[0].params {
			t.Errorf("%d slices", slices)
		}
		if u.key {
			keys++
		}
	}
	if len(list) != 24 || keys != 3 {
		t.Errorf("%d pictures, %d key frames", len(list), keys)
	}
}
