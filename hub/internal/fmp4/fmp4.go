// Package fmp4 turns access units into fragmented MP4: one init segment per parameter sets, one fragment per access unit, and the times of each viewer.
package fmp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/bramble-cam/bramble/internal/codec/h264"
)

const (
	// ContentType is the Content-Type of the response.
	ContentType = "video/mp4"

	// timescale is the number of ticks in a second.
	timescale = 90000

	trackID = 1
)

// ErrNoParams means that there is no SPS or no PPS, without which no player can begin.
var ErrNoParams = errors.New("MP4: no SPS and PPS: they come with a key frame")

var errLayout = errors.New("MP4: the boxes are not laid out as expected")

// Init returns the init segment (ftyp and moov, ISO/IEC 14496-12 section 8.8) of a stream with these parameter sets: its first SPS and PPS; others travel in the
// samples. It takes a thousand allocations, so it is worth keeping.
func Init(params *h264.ParamSets) ([]byte, error) {
	in, err := inInit(params)
	if err != nil {
		return nil, err
	}
	init := fmp4.Init{Tracks: []*fmp4.InitTrack{{
		ID: trackID, TimeScale: timescale, Codec: &codecs.H264{SPS: in.SPS[0], PPS: in.PPS[0]},
	}}}
	var buf seekablebuffer.Buffer
	if err := init.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("MP4 init segment: %w", err)
	}
	return buf.Bytes(), nil
}

// inInit returns the parameter sets that the init segment has: one of each.
func inInit(params *h264.ParamSets) (*h264.ParamSets, error) {
	if params == nil || len(params.SPS) == 0 || len(params.PPS) == 0 {
		return nil, ErrNoParams
	}
	return &h264.ParamSets{SPS: params.SPS[:1], PPS: params.PPS[:1]}, nil
}

// Fragment is one access unit as a moof and an mdat box. All viewers share it; the decode time in the moof differs between them and is filled in by AppendMoof.
type Fragment struct {
	Mdat []byte // the mdat box with the sample

	moof []byte
}

// NewFragment returns the fragment of an access unit in wire form. nominal is how long it will most likely be shown: its successor, which nobody waits for, tells its
// own decode time. number is the fragment's sequence number.
func NewFragment(au []byte, params *h264.ParamSets, key bool, nominal time.Duration, number uint32) (*Fragment, error) {
	in, err := inInit(params)
	if err != nil {
		return nil, err
	}
	mdat := append(make([]byte, 0, 8+len(au)), "\x00\x00\x00\x00mdat"...)
	mdat = h264.AppendAVCC(mdat, au, in)
	size := len(mdat) - 8
	if size == 0 {
		return nil, h264.ErrEmpty
	}
	binary.BigEndian.PutUint32(mdat, uint32(len(mdat))) // far below 4 GiB: frame.MaxPayload
	return &Fragment{Mdat: mdat, moof: newMoof(number, key, uint32(sampleDuration(nominal)), size)}, nil
}

// sampleDuration returns a nominal duration in ticks: at least one, at most a minute.
func sampleDuration(d time.Duration) int64 { return min(max(Ticks(d), 1), 60*timescale) }

// AppendMoof appends the moof box with a viewer's decode time in ticks.
func (f *Fragment) AppendMoof(dst []byte, decode uint64) []byte {
	at := len(dst)
	dst = append(dst, f.moof...)
	binary.BigEndian.PutUint64(dst[at+decodeOffset:], decode)
	return dst
}

// Ticks returns d in units of 1/90000 s, rounded down. It is exact where d is a multiple of a tick and does not overflow for any d.
func Ticks(d time.Duration) int64 {
	s, rest := d/time.Second, d%time.Second
	return int64(s)*timescale + int64(rest)*timescale/int64(time.Second)
}

// Micros returns a decode time in microseconds, rounded down.
func Micros(decode uint64) int64 { return int64(decode/9*100 + decode%9*100/9) }

// MIME returns the type of a stream with these parameter sets as Media Source Extensions want it, with the profile, its constraints and the level from the SPS (RFC 6381, section 3.3).
func MIME(params *h264.ParamSets) string {
	if params == nil || len(params.SPS) == 0 || len(params.SPS[0]) < 4 {
		return ContentType
	}
	return fmt.Sprintf("%s; codecs=\"avc1.%x\"", ContentType, params.SPS[0][1:4])
}
