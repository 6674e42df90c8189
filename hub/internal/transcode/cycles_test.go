package transcode

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// fakeFFmpeg returns a program that does as ffmpeg does, but makes one picture only, of the first frame.
func fakeFFmpeg(t *testing.T, c *clips) string {
	t.Helper()
	dir := t.TempDir()
	picture, program := filepath.Join(dir, "picture"), filepath.Join(dir, "ffmpeg")
	script := fmt.Sprintf("#!/bin/sh\nhead -c 1 >/dev/null\necho '0, 1, 1, 1, %d, 0x0' >&3\ncat %s\nexec cat >/dev/null\n",
		len(c.jpegs[0]), picture)
	for name, data := range map[string]string{picture: string(c.jpegs[0]), program: script} {
		if err := os.WriteFile(name, []byte(data), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return program
}

// TestCycles: starts and stops of a rendition leave no process, file or goroutine. Every other time it is stopped
// before there is a picture.
func TestCycles(t *testing.T) {
	c := makeClips(t)
	for _, test := range []struct {
		name, ffmpeg string
		from         media.Codec
		cycles       int
		wants        []media.Want
	}{
		{"ffmpeg", "", media.H264, 20, []media.Want{{Codec: media.JPEG, Width: 160}, {Codec: media.H264, Width: 160},
			{Codec: media.JPEG, Width: 240}}},
		{"fake ffmpeg", fakeFFmpeg(t, c), media.JPEG, 200, []media.Want{{Codec: media.JPEG, Width: 160},
			{Codec: media.JPEG, Width: 240}, {Codec: media.JPEG, Width: 320}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.ffmpeg == "" {
				testutil.System(t, "starts ffmpeg 20 times")
			}
			r := newFixture(t, c, Config{FFmpeg: test.ffmpeg, Linger: time.Nanosecond, Max: 4})
			cam := r.newCamera("porch", test.from)
			src, err := cam.Subscribe("", cameras.Holder) // else the camera would start again each time
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			cam.play(time.Millisecond)
			gone := func() {
				testutil.Eventually(t, "nothing runs", func() bool {
					return r.tr.Totals().Processes == 0 &&
						len(r.tr.Renditions(nil)) == 0
				})
			}
			cycle := func(n int) {
				v := cam.view(test.wants[n%len(test.wants)])
				if n%2 == 0 {
					next(t, v)
				}
				v.Close()
				r.tr.sweep(time.Now().Add(time.Second))
			}
			cycle(0)
			gone()
			before := testutil.TakeResourceSnapshot(t)
			for n := range test.cycles {
				cycle(n)
			}
			gone()
			before.CheckNoLeaks(t)
			if n := r.tr.Totals().Restarts; n != 0 {
				t.Errorf("%d restarts", n)
			}
		})
	}
}
