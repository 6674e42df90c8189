package fmp4

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
)

// FuzzMoof holds our moof against mediacommon's.
func FuzzMoof(f *testing.F) {
	f.Add(uint32(1), true, uint32(3600), uint64(0), []byte{0, 0, 0, 1, 0x65})
	f.Add(uint32(1<<32-1), false, uint32(1), uint64(1<<63), []byte("tfdt"))
	f.Fuzz(func(t *testing.T, number uint32, key bool, duration uint32, decode uint64, sample []byte) {
		part := fmp4.Part{SequenceNumber: number, Tracks: []*fmp4.PartTrack{{
			ID: 1, BaseTime: decode, Samples: []*fmp4.Sample{{Duration: duration, IsNonSyncSample: !key, Payload: sample}},
		}}}
		var want seekablebuffer.Buffer
		if err := part.Marshal(&want); err != nil {
			t.Fatal(err)
		}
		var fragment Fragment
		fragment.makeMoof(number, []entry{{1, key, duration, len(sample)}})
		got := binary.BigEndian.AppendUint32(fragment.AppendMoof(nil, decode), uint32(8+len(sample)))
		got = append(append(got, "mdat"...), sample...)
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("got  %x\nwant %x", got, want.Bytes())
		}
	})
}
