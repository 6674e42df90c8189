package transcode

import (
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// What a rendition has done is counted on when it has ended, and when another one of its kind begins; with the camera
// it is forgotten.
func TestCounters(t *testing.T) {
	r := newFixture(t, makeClips(t), Config{FFmpeg: "/nonexistent/ffmpeg", Linger: time.Millisecond})
	cam := r.newCamera("porch", media.JPEG)
	all := []*cameras.Camera{cam.Camera}
	type counts struct {
		Running               int
		Frames, Out, BytesOut uint64
	}
	sums := func() counts {
		if s := r.tr.Counters(all)["porch"][media.JPEG]; s != nil {
			return counts{s.Running, s.Frames, s.Out, s.BytesOut}
		}
		return counts{}
	}
	if s := sums(); s != (counts{}) {
		t.Errorf("before anything: %+v", s)
	}
	defer cam.play(interval)()
	var before counts
	for range 2 {
		v := cam.view(media.Want{Codec: media.JPEG, Width: 160})
		size := uint64(len(next(t, v).Payload))
		if s := sums(); s.Running != 1 || s.Frames <= before.Frames || s.Out != before.Out+1 ||
			s.BytesOut != before.BytesOut+size {
			t.Errorf("%+v after %+v and a frame of %d bytes", s, before, size)
		}
		v.Close()
		testutil.Eventually(t, "it ends", func() bool { return sums().Running == 0 })
		if before = sums(); before.Out == 0 {
			t.Errorf("when it has ended: %+v", before)
		}
	}
	testutil.Eventually(t, "all are settled", func() bool {
		r.tr.mu.Lock()
		defer r.tr.mu.Unlock()
		return len(r.tr.counting) == 0
	})
	if s := sums(); s.Out != before.Out || len(r.tr.Counters(nil)) != 0 {
		t.Errorf("%+v, want %+v", s, before)
	}
	if s := sums(); s != (counts{}) {
		t.Errorf("forgotten, and yet: %+v", s)
	}
}
