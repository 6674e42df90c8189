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
)

const interval = 40 * time.Millisecond

// A baseline SPS of 640x360 without timing, and its PPS: players must take the frame rate from the container.
func paramSets() *h264.ParamSets {
	return &h264.ParamSets{
		SPS: [][]byte{{0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0x40}},
		PPS: [][]byte{{0x68, 0xce, 0x3c, 0x80}},
	}
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
		b, err := fmp4.Init(params)
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
		if len(init.Tracks) != 1 || track.TimeScale != 90000 || !ok || !bytes.Equal(got.SPS, params.SPS[0]) || !bytes.Equal(got.PPS, params.PPS[0]) {
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
			if len(e.Entries) != 1 || e.Entries[0].MediaTimeV1 != int64(start) || e.Entries[0].SegmentDurationV1 != 0 || e.Entries[0].MediaRateInteger != 1 {
				t.Errorf("start %d: %+v", start, e)
			}
		}
	}
	for _, bad := range []*h264.ParamSets{nil, {}, {SPS: params.SPS}, {PPS: params.PPS}, {SPS: [][]byte{{0x67}}, PPS: params.PPS}} {
		if _, err := fmp4.Init(bad); err == nil {
			t.Errorf("no error for %v", bad)
		}
	}
}

func TestFragment(t *testing.T) {
	params, other := paramSets(), []byte{0x68, 0xee, 0x3c, 0x80}
	slice := []byte{0x65, 0x88, 0x80, 0x10}
	f, err := fmp4.NewFragment(accessUnit(params.SPS[0], params.PPS[0], other, slice), params, true, interval, 7)
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
			t.Errorf("decode time %d: number %d, decode time %d, sample %+v", decode, parts[0].SequenceNumber, track.BaseTime, sample)
		}
		var nalus codec.AVCC
		if err := nalus.Unmarshal(sample.Payload); err != nil || len(nalus) != 2 || !bytes.Equal(nalus[0], other) || !bytes.Equal(nalus[1], slice) {
			t.Errorf("NALUs %x, %v: want those that the init segment does not have", nalus, err)
		}
	}
}

func TestFragmentRefuses(t *testing.T) {
	params := paramSets()
	if _, err := fmp4.NewFragment(accessUnit(params.SPS[0], params.PPS[0]), params, true, interval, 1); !errors.Is(err, h264.ErrEmpty) {
		t.Errorf("nothing but parameter sets: %v", err)
	}
	if _, err := fmp4.NewFragment(accessUnit([]byte{0x41, 0x9a}), &h264.ParamSets{}, false, interval, 1); !errors.Is(err, fmp4.ErrNoParams) {
		t.Errorf("no parameter sets: %v", err)
	}
}

func TestAppendMoofDoesNotAllocate(t *testing.T) {
	f, err := fmp4.NewFragment(accessUnit([]byte{0x41, 0x9a}), paramSets(), false, interval, 1)
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
		0: 0, time.Second: 90000, interval: 3600, -time.Second: -90000, 11111 * time.Nanosecond: 0, 11112 * time.Nanosecond: 1,
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
	file, err := fmp4.Init(params)
	if err == nil {
		file, err = fmp4.WithEditList(file, edge*3600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var times fmp4.Timeline
	for i := range 40 {
		f, err := fmp4.NewFragment(accessUnit([]byte{0x65, 0x88, 0x80, 0x10}), params, i == 0, interval, uint32(i+1))
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
	out, err := exec.Command(ffprobe, "-v", "quiet", "-show_entries", "stream=width,height,r_frame_rate,avg_frame_rate", "-of", "csv=p=0", name).Output()
	if got := strings.TrimSpace(string(out)); err != nil || got != "640,360,25/1,25/1" {
		t.Errorf("%q, %v", got, err)
	}
}
