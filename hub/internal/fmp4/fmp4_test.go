package fmp4_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amp4 "github.com/abema/go-mp4"
	codec "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	mp4 "github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/bramble-cam/bramble/hub/internal/fmp4"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/media"
)

const interval = 40 * time.Millisecond

// A baseline SPS of 640x360 without timing, and its PPS: players must take the frame rate from the container.
func paramSets() *h264.ParamSets {
	return &h264.ParamSets{
		SPS: [][]byte{{0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0x40}},
		PPS: [][]byte{{0x68, 0xce, 0x3c, 0x80}},
	}
}

func video(p *h264.ParamSets) media.Track {
	return media.Track{Codec: media.H264, ClockRate: media.VideoClockRate, Params: p}
}

func sample(au []byte, p *h264.ParamSets, key bool) fmp4.Sample {
	return fmp4.Sample{Payload: au, Params: p, Key: key, Duration: interval}
}

func accessUnit(nalus ...[]byte) (au []byte) {
	for _, nalu := range nalus {
		au = append(append(au, 0, 0, 0, 1), nalu...)
	}
	return au
}

func TestInit(t *testing.T) {
	params := paramSets()
	for _, start := range []uint64{0, 176400, 1 << 40} {
		b, err := fmp4.Init(video(params))
		if err == nil {
			b, err = fmp4.WithEditList(b, start)
		}
		if err != nil {
			t.Fatal(err)
		}
		var init mp4.Init
		if err := init.Unmarshal(bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		track := init.Tracks[0]
		got, ok := track.Codec.(*codecs.H264)
		if len(init.Tracks) != 1 || track.TimeScale != 90000 || !ok || !bytes.Equal(got.SPS, params.SPS[0]) ||
			!bytes.Equal(got.PPS, params.PPS[0]) {
			t.Errorf("%d tracks, the first %+v", len(init.Tracks), track)
		}
		edits, err := amp4.ExtractBoxWithPayload(bytes.NewReader(b), nil, amp4.BoxPath{
			amp4.BoxTypeMoov(), amp4.BoxTypeTrak(), amp4.BoxTypeEdts(), amp4.BoxTypeElst(),
		})
		if err != nil || (len(edits) == 1) != (start > 0) {
			t.Fatalf("start %d: %d edit lists, %v", start, len(edits), err)
		}
		if start > 0 {
			e := edits[0].Payload.(*amp4.Elst)
			if len(e.Entries) != 1 || e.Entries[0].MediaTimeV1 != int64(start) || e.Entries[0].SegmentDurationV1 != 0 ||
				e.Entries[0].MediaRateInteger != 1 {
				t.Errorf("start %d: %+v", start, e)
			}
		}
	}
	for _, bad := range []*h264.ParamSets{nil, {}, {SPS: params.SPS}, {PPS: params.PPS},
		{SPS: [][]byte{{0x67}}, PPS: params.PPS}} {
		if _, err := fmp4.Init(video(bad)); err == nil {
			t.Errorf("no error for %v", bad)
		}
	}
}

func TestFragment(t *testing.T) {
	params, other := paramSets(), []byte{0x68, 0xee, 0x3c, 0x80}
	slice := []byte{0x65, 0x88, 0x80, 0x10}
	f, err := fmp4.NewFragment(7, sample(accessUnit(params.SPS[0], params.PPS[0], other, slice), params, true))
	if err != nil {
		t.Fatal(err)
	}
	for _, decode := range []uint64{0, 5, 1 << 40} {
		b := append(f.AppendMoof([]byte("kept"), decode), f.Mdat...)
		var parts mp4.Parts
		if err := parts.Unmarshal(bytes.TrimPrefix(b, []byte("kept"))); err != nil {
			t.Fatal(err)
		}
		track := parts[0].Tracks[0]
		sample := track.Samples[0]
		if parts[0].SequenceNumber != 7 || track.BaseTime != decode || sample.Duration != 3600 || sample.IsNonSyncSample {
			t.Errorf("decode time %d: number %d, decode time %d, sample %+v",
				decode, parts[0].SequenceNumber, track.BaseTime, sample)
		}
		var nalus codec.AVCC
		if err := nalus.Unmarshal(sample.Payload); err != nil || len(nalus) != 2 || !bytes.Equal(nalus[0], other) ||
			!bytes.Equal(nalus[1], slice) {
			t.Errorf("NALUs %x, %v: want those that the init segment does not have", nalus, err)
		}
	}
}

// TestTwoTracks: a file may have several tracks, and a fragment several samples of each.
func TestTwoTracks(t *testing.T) {
	params := paramSets()
	left, right := video(params), video(params)
	right.ID = 1
	b, err := fmp4.Init(left, right)
	if err == nil {
		b, err = fmp4.WithEditList(b, 5)
	}
	if err != nil {
		t.Fatal(err)
	}
	var init mp4.Init
	if err := init.Unmarshal(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	if len(init.Tracks) != 2 || init.Tracks[0].ID != 1 || init.Tracks[1].ID != 2 {
		t.Fatalf("%d tracks", len(init.Tracks))
	}
	edits, err := amp4.ExtractBox(bytes.NewReader(b), nil, amp4.BoxPath{
		amp4.BoxTypeMoov(), amp4.BoxTypeTrak(), amp4.BoxTypeEdts(), amp4.BoxTypeElst(),
	})
	if err != nil || len(edits) != 2 {
		t.Errorf("%d edit lists, %v: want one for each track", len(edits), err)
	}
	if got, want := fmp4.MIME(left, right), `video/mp4; codecs="avc1.42c01e,avc1.42c01e"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	first, second := sample(accessUnit([]byte{0x65, 1}), params, true), sample(accessUnit([]byte{0x41, 2}), params, false)
	other := sample(accessUnit([]byte{0x65, 3}), params, true)
	other.Track = 1
	f, err := fmp4.NewFragment(9, first, second, other)
	if err != nil {
		t.Fatal(err)
	}
	var parts mp4.Parts
	if err := parts.Unmarshal(append(f.AppendMoof(nil, 100, 200), f.Mdat...)); err != nil {
		t.Fatal(err)
	}
	tracks := parts[0].Tracks
	if len(tracks) != 2 || len(tracks[0].Samples) != 2 || len(tracks[1].Samples) != 1 ||
		tracks[0].BaseTime != 100 || tracks[1].BaseTime != 200 || tracks[1].ID != 2 {
		t.Fatalf("tracks %+v", tracks)
	}
	for i, s := range []*mp4.Sample{tracks[0].Samples[0], tracks[0].Samples[1], tracks[1].Samples[0]} {
		if s.Payload[5] != byte(i+1) || s.IsNonSyncSample != (i == 1) {
			t.Errorf("sample %d: %+v", i, s)
		}
	}
}

func TestFragmentRefuses(t *testing.T) {
	params := paramSets()
	if _, err := fmp4.NewFragment(1, sample(accessUnit(params.SPS[0], params.PPS[0]), params, true)); !errors.Is(err,
		h264.ErrEmpty) {
		t.Errorf("nothing but parameter sets: %v", err)
	}
	if _, err := fmp4.NewFragment(1, sample(accessUnit([]byte{0x41, 0x9a}), &h264.ParamSets{}, false)); !errors.Is(err,
		fmp4.ErrNoParams) {
		t.Errorf("no parameter sets: %v", err)
	}
}

func TestAppendMoofDoesNotAllocate(t *testing.T) {
	f, err := fmp4.NewFragment(1, sample(accessUnit([]byte{0x41, 0x9a}), paramSets(), false))
	if err != nil {
		t.Fatal(err)
	}
	buf := f.AppendMoof(nil, 0)
	if n := testing.AllocsPerRun(100, func() { buf = f.AppendMoof(buf[:0], 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTicksAreExact(t *testing.T) {
	for d, want := range map[time.Duration]int64{
		0: 0, time.Second: 90000, interval: 3600, -time.Second: -90000, 11111 * time.Nanosecond: 0,
		11112 * time.Nanosecond:    1,
		100 * 365 * 24 * time.Hour: 100 * 365 * 24 * 3600 * 90000,
	} {
		if got := fmp4.Ticks(d); got != want {
			t.Errorf("%v: %d ticks, want %d", d, got, want)
		}
	}
}

// TestFFprobe joins 12 frames behind a key frame, in an H.264 that does not tell its frame rate.
func TestFFprobe(t *testing.T) {
	ffprobe, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Skip("ffprobe is missing: apt-get install ffmpeg")
	}
	params := paramSets()
	const edge = 12
	file, err := fmp4.Init(video(params))
	if err == nil {
		file, err = fmp4.WithEditList(file, edge*3600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var times fmp4.Timeline
	for i := range 40 {
		f, err := fmp4.NewFragment(uint32(i+1), sample(accessUnit([]byte{0x65, 0x88, 0x80, 0x10}), params, i == 0))
		if err != nil {
			t.Fatal(err)
		}
		next := at(i)
		next.Preroll = i < edge
		file = append(f.AppendMoof(file, times.Next(next)), f.Mdat...)
	}
	name := filepath.Join(t.TempDir(), "join.mp4")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(ffprobe, "-v", "quiet", "-show_entries", "stream=width,height,r_frame_rate,avg_frame_rate",
		"-of", "csv=p=0", name).Output()
	if got := strings.TrimSpace(string(out)); err != nil || got != "640,360,25/1,25/1" {
		t.Errorf("%q, %v", got, err)
	}
}
