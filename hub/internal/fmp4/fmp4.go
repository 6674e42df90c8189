// Package fmp4 turns access units into fragmented MP4: one init segment per parameter sets, one fragment per access unit, and the times of each viewer.
package fmp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/bramble-cam/bramble/shared/h264"
)

const (
	// ContentType is the Content-Type of the response.
	ContentType = "video/mp4"

	// timescale is the number of ticks in a second.
	timescale = 90000

	trackID = 1
)

// Init returns the init segment (ftyp and moov, ISO/IEC 14496-12 section 8.8) of a stream with these parameter sets: its first SPS and PPS. Others travel in the
// samples.
func Init(params *h264.ParamSets) ([]byte, error) {
	if params == nil || len(params.SPS) == 0 || len(params.PPS) == 0 {
		return nil, errors.New("init segment: no parameter sets")
	}
	init := fmp4.Init{Tracks: []*fmp4.InitTrack{{
		ID: trackID, TimeScale: timescale, Codec: &codecs.H264{SPS: params.SPS[0], PPS: params.PPS[0]},
	}}}
	var buf seekablebuffer.Buffer
	if err := init.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("init segment: %w", err)
	}
	return buf.Bytes(), nil
}

// Fragment is one access unit as a moof and an mdat box. All viewers share it; two times in the moof differ between them and are filled in by AppendMoof.
type Fragment struct {
	Mdat []byte // the mdat box with the sample

	moof    []byte
	decode  int // where in moof the decode time lies: 8 bytes, tfdt version 1 (section 8.8.12)
	compose int // where in moof the composition offset lies: 4 bytes, signed, trun version 1 (section 8.8.8)
}

// NewFragment returns the fragment of an access unit in wire form. nominal is how long it will most likely be shown: its successor, which nobody waits for, tells its
// own decode time. number is the fragment's sequence number.
func NewFragment(au []byte, params *h264.ParamSets, key bool, nominal time.Duration, number uint32) (*Fragment, error) {
	inInit := &h264.ParamSets{SPS: params.SPS[:1], PPS: params.PPS[:1]}
	part := fmp4.Part{SequenceNumber: number, Tracks: []*fmp4.PartTrack{{
		ID: trackID,
		Samples: []*fmp4.Sample{{
			Duration:        uint32(min(max(Ticks(nominal), 1), 60*timescale)),
			PTSOffset:       1, // not 0, so that the field is there
			IsNonSyncSample: !key,
			Payload:         h264.AppendAVCC(make([]byte, 0, len(au)), au, inInit),
		}},
	}}}
	var buf seekablebuffer.Buffer
	if err := part.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("fragment: %w", err)
	}
	return split(buf.Bytes())
}

// split finds the boxes and fields of a marshalled fragment.
func split(data []byte) (*Fragment, error) {
	size := int(binary.BigEndian.Uint32(data))
	if size > len(data) {
		return nil, errors.New("fragment: moof is longer than the fragment")
	}
	f := &Fragment{moof: data[:size:size], Mdat: data[size:]}
	tfdt := bytes.Index(f.moof, []byte("tfdt\x01\x00\x00\x00"))
	if tfdt < 0 {
		return nil, errors.New("fragment: no tfdt box of version 1")
	}
	f.decode = tfdt + 8
	f.compose = size - 4 // the last field of the only sample of the only trun, which ends the moof
	return f, nil
}

// AppendMoof appends the moof box with a viewer's times: the decode time, and how much later the sample is shown, both in ticks.
func (f *Fragment) AppendMoof(dst []byte, decode uint64, compose int32) []byte {
	at := len(dst)
	dst = append(dst, f.moof...)
	binary.BigEndian.PutUint64(dst[at+f.decode:], decode)
	binary.BigEndian.PutUint32(dst[at+f.compose:], uint32(compose))
	return dst
}

// Ticks returns d in units of 1/90000 s, rounded down. It is exact where d is a multiple of a tick and does not overflow for any d.
func Ticks(d time.Duration) int64 {
	s, rest := d/time.Second, d%time.Second
	return int64(s)*timescale + int64(rest)*timescale/int64(time.Second)
}

// Duration returns a time in ticks as a duration.
func Duration(ticks uint64) time.Duration {
	s, rest := ticks/timescale, ticks%timescale
	return time.Duration(s)*time.Second + time.Duration(rest)*time.Second/timescale
}
