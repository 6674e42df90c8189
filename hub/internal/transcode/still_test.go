package transcode

import (
	"bytes"
	"errors"
	"image/jpeg"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestStill: a still shows the newest access unit, whatever the key frame's age; requests at the same time share it.
func TestStill(t *testing.T) {
	c := makeClips(t)
	for _, f := range []media.Codec{media.H264, media.JPEG} {
		t.Run(string(f), func(t *testing.T) {
			r := newFixture(t, c, Config{})
			cam := r.newCamera("porch", f)
			src, err := cam.Subscribe("", cameras.Holder)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			want := media.Want{Codec: media.JPEG, Width: 320}
			for _, count := range []int{10, 1, 18, 7, 25} {
				for range count {
					cam.deliver()
				}
				got := make([]*stream.Packet, 8)
				var all sync.WaitGroup
				for i := range got {
					all.Go(func() {
						var err error
						if got[i], err = r.tr.Still(t.Context(), cam.Camera, want, time.Minute, testutil.Timeout,
							Principal{}); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				for _, p := range got {
					if p == nil || p != got[0] {
						t.Fatalf("not one picture for all: %v", got)
					}
				}
				checkClock(t, got[0], 320)
				if got[0].Seq != uint64(cam.n-1) {
					t.Errorf("picture %d, want %d", got[0].Seq, cam.n-1)
				}
			}
			list := r.tr.Renditions(cam.Camera)
			if len(list) != 1 || list[0].Stream.FramesIn.Load() != 5 || list[0].InProcess != (f == media.JPEG) ||
				list[0].Viewers != 0 {
				t.Errorf("%+v", list)
			}
		})
	}
}

// TestStillOfRunning: if the same is streamed anyway, a still is taken from there.
func TestStillOfRunning(t *testing.T) {
	r := newFixture(t, makeClips(t), Config{})
	cam := r.newCamera("porch", media.H264)
	cam.play(interval)
	v := cam.view(media.Want{Codec: media.JPEG, Width: 320, FPS: 30})
	defer v.Close()
	next(t, v)
	p, err := r.tr.Still(t.Context(), cam.Camera, media.Want{Codec: media.JPEG, Width: 320}, time.Second, testutil.Timeout,
		Principal{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jpeg.Decode(bytes.NewReader(p.Payload)); err != nil {
		t.Error(err)
	}
	if n := r.tr.Totals().Processes; n != 1 {
		t.Errorf("%d processes", n)
	}
}

// TestStillNotBegun: a picture that cannot be begun in time has not come in time, as any other.
func TestStillNotBegun(t *testing.T) {
	r := newFixture(t, makeClips(t), Config{})
	cam := r.newCamera("porch", media.H264)
	busy := New(Config{FFmpeg: r.tr.path, Log: testutil.Log(t)}) // it does not run
	_, err := busy.Still(t.Context(), cam.Camera, media.Want{Codec: media.JPEG}, 0, time.Millisecond, Principal{})
	if none := (*cameras.NoFrameError)(nil); !errors.As(err, &none) {
		t.Errorf("%v", err)
	}
}

// TestStillTooOld: what is older than the request allows is not shown.
func TestStillTooOld(t *testing.T) {
	r := newFixture(t, makeClips(t), Config{})
	cam := r.newCamera("porch", media.H264)
	src, err := cam.Subscribe("", cameras.Holder)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	cam.deliver()
	want := media.Want{Codec: media.JPEG}
	if _, err := r.tr.Still(t.Context(), cam.Camera, want, 0, 10*time.Millisecond, Principal{}); !errors.Is(err,
		cameras.ErrOffline) {
		t.Errorf("%v", err)
	}
	cam.play(interval)
	now := time.Now()
	p, err := r.tr.Still(t.Context(), cam.Camera, want, 0, testutil.Timeout, Principal{})
	if err != nil || p.Arrived.Before(now) {
		t.Errorf("%v", err)
	}
}
