package stream_test

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

// step is a frame that comes after a wait, and what becomes of it.
type step struct {
	wait  time.Duration
	epoch int64
	seq   uint64
	kind  string        // K: key frame, p: other access unit, j: JPEG, x: its payload is broken, 0: it has nothing to show
	pts   time.Duration // 0 means seq * interval
	why   string        // the reason for which it is dropped; "" if it is not
	lost  uint64        // frames found missing before it
}

func (s step) packet() media.Packet {
	pts := s.pts
	if pts == 0 {
		pts = time.Duration(s.seq) * interval
	}
	return media.Packet{Epoch: s.epoch, Seq: s.seq, PTS: pts, Key: s.kind == "K", Payload: []byte{1}}
}

func TestSequencer(t *testing.T) {
	const later = stream.EpochTimeout + time.Millisecond
	const old, gap, bad, noKey = "old_epoch", "gap", "decode", "no_key"
	for name, steps := range map[string][]step{
		"first frame is no key frame": {{seq: 7, kind: "p", why: noKey}, {seq: 8, kind: "p", why: noKey}, {seq: 9, kind: "K"},
			{seq: 10, kind: "p"}}, "gap": {
			{seq: 0, kind: "K"}, {seq: 1, kind: "p"},
			{seq: 4, kind: "p", why: gap, lost: 2}, // two lost, and this one cannot be decoded
			{seq: 5, kind: "p", why: gap}, {seq: 6, kind: "K"}, {seq: 7, kind: "p"},
		},
		"gap before a key frame": {{seq: 0, kind: "K"}, {seq: 3, kind: "K", lost: 2}, {seq: 4, kind: "p"}},
		"gap while waiting for a key": {{seq: 0, kind: "p", why: noKey}, {seq: 3, kind: "p", why: noKey, lost: 2},
			{seq: 4, kind: "K"}}, "gap of pictures": {{seq: 5, kind: "j"}, {seq: 9, kind: "j", lost: 3}, {seq: 10, kind: "j"}},
		"same number again": {{seq: 0, kind: "K"}, {seq: 1, kind: "p"}, {seq: 1, kind: "p", why: bad},
			{seq: 0, kind: "K", why: bad}, {seq: 2, kind: "p"}}, "time goes back": {
			{seq: 0, kind: "K"}, {seq: 1, kind: "p", pts: time.Second},
			{seq: 2, kind: "p", pts: time.Second - 1, why: bad}, {seq: 3, kind: "p", pts: 2 * time.Second, why: gap},
			{seq: 4, kind: "K", pts: 3 * time.Second},
		},
		"time stands still": {{seq: 0, kind: "K", pts: 1}, {seq: 1, kind: "p", pts: 1}},
		"time of pictures goes back": {
			{seq: 0, kind: "j", pts: 9}, {seq: 1, kind: "j", pts: 8, why: bad}, {seq: 2, kind: "j", pts: 9},
		},
		"new epoch": {
			{epoch: 1, seq: 50, kind: "K"}, {epoch: 2, seq: 0, kind: "p", why: noKey}, {epoch: 2, seq: 1, kind: "K"},
			{epoch: 1, seq: 51, kind: "p", why: old}, {epoch: 2, seq: 2, kind: "p"},
		},
		"two live epochs": {
			{epoch: 5, seq: 0, kind: "K"}, {epoch: 4, seq: 9, kind: "K", why: old},
			{wait: time.Second, epoch: 5, seq: 1, kind: "p"},
			{wait: time.Second, epoch: 4, seq: 10, kind: "K", why: old},
			{wait: time.Second, epoch: 4, seq: 11, kind: "K", why: old},
			{epoch: 5, seq: 2, kind: "p"},
		},
		"clock went back at a restart": {
			{epoch: 5, seq: 99, kind: "K"}, {wait: stream.EpochTimeout, epoch: 3, seq: 0, kind: "K", why: old},
			{wait: time.Millisecond, epoch: 3, seq: 1, kind: "p", why: noKey}, {epoch: 3, seq: 2, kind: "K"},
			{epoch: 3, seq: 3, kind: "p"},
			{epoch: 5, seq: 200, kind: "K"}, // it lives after all: it is the newer one
		},
		"a pause is no restart": {{epoch: 5, seq: 0, kind: "K"}, {wait: time.Minute, epoch: 5, seq: 1, kind: "p"}},
		"one mad number": {{seq: 0, kind: "j"}, {seq: 1 << 63, kind: "j", why: bad},
			{seq: 1<<64 - 1, kind: "j", why: bad}, {seq: 1, kind: "j"}}, "all that can be lost": {
			{seq: 5, kind: "K"}, {seq: 7 + stream.MaxLost, kind: "K", why: bad},
			{seq: 6 + stream.MaxLost, kind: "K", lost: stream.MaxLost},
		},
		"mad number at the start": {
			{seq: 1 << 63, kind: "j"}, {seq: 2, kind: "j", why: bad}, {wait: later, seq: 60, kind: "j"}, {seq: 61, kind: "j"},
		},
		"nine hours without frames": {{seq: 0, kind: "K"}, {wait: 9 * time.Hour, seq: 2 << 20, kind: "p", why: noKey},
			{seq: 2<<20 + 1, kind: "K"}}, "one mad time": {
			{seq: 0, kind: "K"}, {seq: 1, kind: "K", pts: time.Hour}, {seq: 2, kind: "p", why: bad},
			{seq: 3, kind: "K", why: bad},
			{wait: later, seq: 60, kind: "p", why: noKey}, {seq: 61, kind: "K"},
		},
		"broken payload": {
			{seq: 0, kind: "K"}, {seq: 1, kind: "x", why: bad}, {seq: 2, kind: "p", why: gap}, {seq: 3, kind: "K"},
			{seq: 4, kind: "x", why: bad}, {seq: 5, kind: "K"}, {seq: 6, kind: "p"},
		},
		"broken picture": {{seq: 0, kind: "j"}, {seq: 1, kind: "x", why: bad}, {seq: 2, kind: "j"}},
		"broken payload from a stranger": {{epoch: 5, seq: 0, kind: "K"}, {epoch: 9, seq: 1, kind: "x", why: bad},
			{epoch: 5, seq: 7e9, kind: "x", why: bad}, {epoch: 5, seq: 1, kind: "p"}},
		"nothing to show":                 {{seq: 0, kind: "K"}, {seq: 1, kind: "0"}, {seq: 2, kind: "p"}},
		"nothing to show, then a gap":     {{seq: 0, kind: "K"}, {seq: 1, kind: "0"}, {seq: 3, kind: "p", why: gap, lost: 1}},
		"nothing to show before anything": {{seq: 0, kind: "0"}, {seq: 1, kind: "K"}, {seq: 2, kind: "p"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				format := media.H264
				if steps[0].kind == "j" {
					format = media.JPEG
				}
				runSteps(t, stream.New(stream.Config{Tracks: media.VideoTracks(format)}), steps)
			})
		})
	}
}

func runSteps(t *testing.T, s *stream.Stream, steps []step) {
	want, in := map[string]uint64{}, uint64(0)
	for i, st := range steps {
		<-time.After(st.wait)
		f := st.packet()
		switch st.kind {
		case "x":
			s.Drop(&f, drop.Decode)
		case "0":
			s.SkipEmpty(&f)
		default:
			if taken := !s.Stale(&f) && s.Append(f); taken != (st.why == "") {
				t.Errorf("step %d (%+v): taken %v", i, st, taken)
			}
			if st.why == "" {
				in++
			}
		}
		if st.why != "" {
			want[st.why]++
		}
		if st.lost > 0 {
			want["gap"] += st.lost
		}
		if got := s.Drops.Map(); s.FramesIn.Load() != in || !maps.Equal(got, want) {
			t.Fatalf("after step %d (%+v): %d frames in, dropped %v: want %d, %v", i, st, s.FramesIn.Load(), got, in, want)
		}
	}
}

func TestLossesAreCounted(t *testing.T) {
	for _, c := range []struct {
		format media.Codec
		frames string
		gap    uint64
	}{
		{media.JPEG, "ppp", 0},
		{media.JPEG, "p---p-p", 4},
		{media.H264, "K--Kp", 2},
		{media.H264, "K--pppK", 5}, // two did not come, and the next three are of no use without them
	} {
		s := stream.New(stream.Config{Tracks: media.VideoTracks(c.format)})
		(&camera{format: c.format}).add(s, c.frames)
		if got := s.Drops.Map()["gap"]; got != c.gap {
			t.Errorf("%s %s: %d lost: want %d", c.format, c.frames, got, c.gap)
		}
	}
}
