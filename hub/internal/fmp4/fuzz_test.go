package fmp4_test

import (
	"bytes"
	"testing"
	"time"

	mp4 "github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"github.com/bramble-cam/bramble/hub/internal/fmp4"
	"github.com/bramble-cam/bramble/internal/codec/h264"
)

// FuzzFragment: whatever comes as an access unit becomes a fragment that a parser takes, with the payload that it
// should have.
func FuzzFragment(f *testing.F) {
	f.Add(accessUnit(paramSets().SPS[0], []byte{0x65, 0x88}), int64(interval), uint32(1), uint64(0))
	f.Add([]byte("tfdt\x01\x00\x00\x00"), int64(-1), uint32(0x74666474), uint64(1)<<63)
	f.Add([]byte{}, int64(1)<<62, uint32(0), uint64(0))
	f.Fuzz(func(t *testing.T, au []byte, nominal int64, number uint32, decode uint64) {
		fragment, err := fmp4.NewFragment(number, fmp4.Sample{
			Payload: au, Params: paramSets(), Duration: time.Duration(nominal),
		})
		if err != nil {
			return
		}
		var parts mp4.Parts
		if err := parts.Unmarshal(append(fragment.AppendMoof(nil, decode), fragment.Mdat...)); err != nil {
			t.Fatal(err)
		}
		track := parts[0].Tracks[0]
		if want := h264.AppendAVCC(nil, au, paramSets()); !bytes.Equal(track.Samples[0].Payload, want) {
			t.Errorf("payload %x, want %x", track.Samples[0].Payload, want)
		}
		if d := track.Samples[0].Duration; track.BaseTime != decode || d < 1 || d > 60*90000 {
			t.Errorf("decode time %d, sample %+v", track.BaseTime, track.Samples[0])
		}
	})
}
