// Package fmp4 makes fragmented MP4 of packets: init segments, fragments, and the times of each viewer.
//
// Tracks are those of the stream: a track's id in the file is its id there plus one. All tracks have the same
// timescale. Who is sent what, and when, does not belong here.
package fmp4

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/media"
)

const (
	// ContentType is the Content-Type of the response.
	ContentType = "video/mp4"

	// timescale is the number of ticks in a second, of all tracks.
	timescale = media.VideoClockRate
)

// ErrNoParams means that there is no SPS or no PPS, without which no player can begin.
var ErrNoParams = errors.New("MP4: no SPS and PPS: they come with a key frame")

var errLayout = errors.New("MP4: the boxes are not laid out as expected")

// trackID returns the id that a stream's track has in the file. There they begin with 1.
func trackID(track int) uint32 { return uint32(track) + 1 } //nolint:gosec // a few

// Init returns the init segment (ftyp and moov, ISO/IEC 14496-12, section 8.8) of a stream with these tracks. Of
// H.264 it has the first SPS and PPS: others travel in the samples. It takes a thousand allocations, so it is worth
// keeping.
func Init(tracks ...media.Track) ([]byte, error) {
	var init fmp4.Init
	for _, t := range tracks {
		codec, err := codecOf(t)
		if err != nil {
			return nil, err
		}
		init.Tracks = append(init.Tracks, &fmp4.InitTrack{ID: int(trackID(t.ID)), TimeScale: timescale, Codec: codec})
	}
	var buf seekablebuffer.Buffer
	if err := init.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("MP4 init segment: %w", err)
	}
	return buf.Bytes(), nil
}

func codecOf(t media.Track) (codecs.Codec, error) {
	in, err := initParams(t.Params)
	if err != nil {
		return nil, err
	}
	return &codecs.H264{SPS: in.SPS[0], PPS: in.PPS[0]}, nil
}

// initParams returns the parameter sets that the init segment has: one of each.
func initParams(p media.Params) (*h264.ParamSets, error) {
	sets, _ := p.(*h264.ParamSets)
	if sets == nil || len(sets.SPS) == 0 || len(sets.PPS) == 0 {
		return nil, ErrNoParams
	}
	return &h264.ParamSets{SPS: sets.SPS[:1], PPS: sets.PPS[:1]}, nil
}

// MIME returns the type of a file with these tracks as Media Source Extensions want it. Of H.264 it has the profile,
// its constraints and the level, from the SPS (RFC 6381, section 3.3).
func MIME(tracks ...media.Track) string {
	var list []string
	for _, t := range tracks {
		sets, _ := t.Params.(*h264.ParamSets)
		if sets == nil || len(sets.SPS) == 0 || len(sets.SPS[0]) < 4 {
			return ContentType
		}
		list = append(list, fmt.Sprintf("avc1.%x", sets.SPS[0][1:4]))
	}
	return fmt.Sprintf("%s; codecs=%q", ContentType, strings.Join(list, ","))
}

// sampleDuration returns a nominal duration in ticks: at least one, at most a minute.
func sampleDuration(d time.Duration) int64 { return min(max(Ticks(d), 1), 60*timescale) }

// Ticks returns d in units of 1/90000 s, rounded down. It is exact where d is a multiple of a tick and does not
// overflow for any d.
func Ticks(d time.Duration) int64 {
	s, rest := d/time.Second, d%time.Second
	return int64(s)*timescale + int64(rest)*timescale/int64(time.Second)
}

// Micros returns a decode time in microseconds, rounded down.
func Micros(decode uint64) int64 {
	return int64(decode/9*100 + decode%9*100/9) //nolint:gosec // decode times are durations
}
