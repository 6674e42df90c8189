package stream_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

// sound is a codec that the hub does not know: every packet decodes alone, and it has no pictures.
const sound media.Codec = "sound"

// twoTracks returns a stream with sound, which comes first in the list, and video.
func twoTracks(video media.Codec) *stream.Stream {
	return stream.New(stream.Config{Tracks: []media.Track{
		{ID: 0, Codec: sound, ClockRate: 48000},
		{ID: 1, Codec: video, ClockRate: media.VideoClockRate},
	}})
}

// appendAll appends a packet for each letter: K is a key packet of video, p another one, s is one of sound. Each
// track has its own numbers.
func appendAll(s *stream.Stream, kinds string) {
	var seq [2]uint64
	for i, kind := range kinds {
		p := media.Packet{Track: 1, Key: kind == 'K', PTS: time.Duration(i) * interval, Payload: make([]byte, 100)}
		if kind == 's' {
			p.Track = 0
		}
		p.Seq = seq[p.Track]
		seq[p.Track]++
		s.Append(p)
	}
}

// TestSoundBesideVideo: a reader begins at a key packet of video and gets both tracks in order from there.
func TestSoundBesideVideo(t *testing.T) {
	s := twoTracks(media.H264)
	appendAll(s, "ssKpspsKspsp")
	if s.Codec() != media.H264 || s.Drops.Get(drop.Gap) != 0 {
		t.Errorf("codec %s, dropped %v", s.Codec(), s.Drops.Map())
	}
	c := s.NewCursor()
	defer c.Close()
	for _, want := range "KspspX" {
		d, err := c.Next(t.Context(), 0)
		if want == 'X' {
			if err == nil {
				t.Errorf("a further packet of track %d", d.Track)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got := map[bool]rune{true: 's', false: 'p'}[d.Track == 0]
		if d.Track == 1 && d.Key {
			got = 'K'
		}
		if got != want {
			t.Errorf("got %c, want %c", got, want)
		}
	}
	if p := s.Newest(); p == nil || p.Track != 1 || !p.Key {
		t.Errorf("newest %+v: want the key packet of video", p)
	}
}

// TestTracksAreIndependent: a gap in one track does not break the other, and durations are those of a track.
func TestTracksAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := twoTracks(media.H264)
		for i, p := range []media.Packet{
			{Track: 1, Seq: 0, Key: true},
			{Track: 0, Seq: 0},
			{Track: 0, Seq: 5, PTS: 60 * time.Millisecond}, // four lost
			{Track: 1, Seq: 1, PTS: 40 * time.Millisecond, Width: 640, Height: 360},
			{Track: 0, Seq: 6, PTS: 70 * time.Millisecond},
		} {
			p.Payload = []byte{1}
			if !s.Append(p) {
				t.Errorf("packet %d is not admitted", i)
			}
		}
		if n := s.Drops.Get(drop.Gap); n != 4 {
			t.Errorf("%d lost: want 4", n)
		}
		packets := s.Ring().Packets
		if d := packets[3].Duration; d != 40*time.Millisecond {
			t.Errorf("video lasts %v", d)
		}
		if d := packets[4].Duration; d != 10*time.Millisecond {
			t.Errorf("sound lasts %v", d)
		}
		if tracks := s.Tracks(); tracks[1].Width != 640 || tracks[0].Width != 0 || tracks[0].ClockRate != 48000 {
			t.Errorf("tracks %+v", tracks)
		}
	})
}
