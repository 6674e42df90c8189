package transcode

import (
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestPictures proves, by the clock in each picture, that what comes out is what its times say, for every pair of
// formats.
func TestPictures(t *testing.T) {
	c := makeClips(t)
	for _, from := range []media.Codec{media.JPEG, media.H264} {
		for _, want := range []media.Want{
			{Codec: media.JPEG, Width: 240}, {Codec: media.JPEG, Width: 320, FPS: 5}, {Codec: media.JPEG, Quality: 90},
			{Codec: media.H264, Width: 320}, {Codec: media.H264, Bitrate: 1_500_000},
		} {
			t.Run(fmt.Sprintf("%s to %v", from, want), func(t *testing.T) {
				t.Parallel()
				r := newFixture(t, c, Config{})
				cam := r.newCamera("porch", from)
				cam.play(interval)
				v := cam.view(want)
				defer v.Close()
				width := want.Width
				if width == 0 {
					width = testWidth
				}
				if want.Codec == media.JPEG {
					jpegs(t, v, width)
				} else {
					units(t, v, width)
				}
			})
		}
	}
}

// compared says that of so many pictures one is compared with what it should show: the clock is read in each.
const compared = 4

func jpegs(t *testing.T, v *cameras.Subscription, width int) {
	last := time.Duration(-1)
	for n := range 8 {
		d := next(t, v)
		got := checkClock(t, d.Packet, width)
		if d.PTS <= last || d.PTS != time.Duration(d.Seq)*interval || d.Epoch != 1 {
			t.Errorf("frame %d of epoch %d at %v after %v", d.Seq, d.Epoch, d.PTS, last)
		}
		last = d.PTS
		if n%compared != 0 {
			continue
		}
		if p := psnr(got, card(int(d.Seq)%clipLength, testWidth, testHeight)); p < 28 {
			t.Errorf("frame %d: PSNR %.1f dB", d.Seq, p)
		}
	}
}

func units(t *testing.T, v *cameras.Subscription, width int) {
	height := width * testHeight / testWidth
	var stream []byte
	var times []time.Time
	var seqs []uint64
	for len(times) < 25 {
		d := next(t, v)
		if len(times) == 0 && !d.Key || d.Width != width || d.Height != height || d.Params == nil {
			t.Fatalf("access unit %d: key %t, %dx%d, %v", len(times), d.Key, d.Width, d.Height, d.Params)
		}
		stream, times, seqs = append(stream, d.Payload...), append(times, d.CaptureTime), append(seqs, d.Seq)
	}
	pictures := decode(t, stream, width, height)
	if len(pictures) != len(times) {
		t.Fatalf("%d pictures of %d access units", len(pictures), len(times))
	}
	for i, img := range pictures {
		checkClockOf(t, img, times[i])
		if i%compared != 0 {
			continue
		}
		if p := psnr(img, card(int(seqs[i])%clipLength, testWidth, testHeight)); p < 28 {
			t.Errorf("picture %d: PSNR %.1f dB", i, p)
		}
	}
}

// psnr compares a picture with the one that it should show, in which it is scaled. The clock is left out: its edges
// are the scaler's business.
func psnr(got, want image.Image) float64 {
	b := got.Bounds()
	scaled := image.NewRGBA(b)
	draw.ApproxBiLinear.Scale(scaled, b, want, want.Bounds(), draw.Src, nil)
	var sum, n float64
	for y := b.Min.Y + b.Dx()/15; y < b.Max.Y; y += 3 {
		for x := b.Min.X; x < b.Max.X; x += 3 {
			r1, g1, b1, _ := got.At(x, y).RGBA()
			r2, g2, b2, _ := scaled.At(x, y).RGBA()
			for _, d := range [3]int{int(r1>>8) - int(r2>>8), int(g1>>8) - int(g2>>8), int(b1>>8) - int(b2>>8)} {
				sum += float64(d * d)
				n++
			}
		}
	}
	return 10 * math.Log10(255*255/(sum/n+1e-9))
}

// TestShared: a hundred viewers have one process, and the last one's end is the end of it.
func TestShared(t *testing.T) {
	r := newFixture(t, makeClips(t), Config{Linger: time.Millisecond})
	cam := r.newCamera("porch", media.H264)
	cam.play(interval)
	before := testutil.TakeResourceSnapshot(t)
	var all sync.WaitGroup
	viewers := make([]*cameras.Subscription, 100)
	for i := range viewers {
		all.Go(func() {
			// all are 320
			v, err := r.tr.Subscribe(t.Context(), cam.Camera, media.Want{Codec: media.JPEG, Width: 300 + i%20}, Principal{},
				cameras.Viewer)
			if err != nil {
				t.Error(err)
				return
			}
			viewers[i] = v
			if _, err := v.Next(t.Context(), testutil.Timeout); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := r.tr.Totals().Processes; n != 1 {
		t.Errorf("%d processes", n)
	}
	if n := cam.Info().Viewers; n != 100 {
		t.Errorf("the camera has %d viewers", n)
	}
	for _, v := range viewers {
		if v != nil {
			v.Close()
		}
	}
	testutil.Eventually(t, "no process", func() bool {
		return r.tr.Totals().Processes == 0 &&
			len(r.tr.Renditions(nil)) == 0
	})
	before.CheckNoLeaks(t)
	if total := r.tr.Totals(); total.CPU <= 0 || total.Restarts != 0 || cam.Info().Viewers != 0 {
		t.Errorf("%+v, %d viewers", total, cam.Info().Viewers)
	}
}

// TestKilled: viewers do not notice more than a pause when ffmpeg dies.
func TestKilled(t *testing.T) {
	c := makeClips(t)
	for _, want := range []media.Want{{Codec: media.JPEG, Width: 320}, {Codec: media.H264, Width: 320}} {
		t.Run(want.String(), func(t *testing.T) {
			t.Parallel()
			r := newFixture(t, c, Config{})
			cam := r.newCamera("porch", media.H264)
			cam.play(interval)
			v := cam.view(want)
			defer v.Close()
			first := next(t, v)
			r.tr.mu.Lock()
			for pid := range r.tr.children {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Error(err)
				}
			}
			r.tr.mu.Unlock()
			testutil.Eventually(t, "it was noticed", func() bool { return r.tr.Totals().Restarts == 1 })
			noticed := v.Stream().FramesIn.Load()
			for d := first; d.Index < noticed; {
				d = next(t, v)
				if d.Params != first.Params {
					t.Error("other parameter sets")
				}
			}
			next(t, v)
		})
	}
}

// TestNewRun: a camera that starts again, maybe with another size, does not end its viewers.
func TestNewRun(t *testing.T) {
	r := newFixture(t, makeClips(t), Config{})
	cam := r.newCamera("porch", media.JPEG)
	v := cam.view(media.Want{Codec: media.H264, Width: 320})
	defer v.Close()
	stop := cam.play(interval)
	next(t, v)
	stop()
	cam.epoch, cam.n = 2, 0
	cam.play(interval)
	for d := next(t, v); d.Epoch != 2; d = next(t, v) {
	}
	if n := r.tr.Totals().Restarts; n != 0 {
		t.Errorf("%d restarts for a fault", n)
	}
}

// TestRefused: what cannot be made is refused with the remedy.
func TestRefused(t *testing.T) {
	c := makeClips(t)
	without := newFixture(t, c, Config{FFmpeg: filepath.Join(t.TempDir(), "none")})
	yard, desk := without.newCamera("yard", media.H264), without.newCamera("desk", media.JPEG)
	for _, want := range []media.Want{{Codec: media.JPEG}, {Codec: media.H264, Width: 320}} {
		if _, err := without.tr.Subscribe(t.Context(), yard.Camera, want, Principal{}, cameras.Viewer); !errors.Is(err,
			ErrNoFFmpeg) {
			t.Errorf("%v: %v", want, err)
		}
	}
	desk.play(interval)
	v := desk.view(media.Want{Codec: media.JPEG, Width: 320}) // goes without
	jpegs(t, v, 320)
	v.Close()

	r := newFixture(t, c, Config{Max: 1, Linger: time.Hour})
	cam := r.newCamera("porch", media.H264)
	cam.play(interval)
	first := cam.view(media.Want{Codec: media.JPEG})
	if _, err := r.tr.Subscribe(t.Context(), cam.Camera, media.Want{Codec: media.JPEG, Width: 160}, Principal{},
		cameras.Viewer); !errors.Is(err, ErrTooMany) {
		t.Errorf("a second one: %v", err)
	}
	next(t, first)
	first.Close() // it lingers, but gives way
	second := cam.view(media.Want{Codec: media.JPEG, Width: 160})
	next(t, second)
	second.Close()
}

// TestFailingFFmpeg: an ffmpeg that fails is tried again, and its reason told.
func TestFailingFFmpeg(t *testing.T) {
	script := program(t, "echo no such encoder >&2; exit 3")
	r := newFixture(t, makeClips(t), Config{FFmpeg: script})
	cam := r.newCamera("porch", media.JPEG)
	cam.play(interval)
	v := cam.view(media.Want{Codec: media.H264})
	defer v.Close()
	testutil.Eventually(t, "two tries", func() bool { return r.tr.Totals().Restarts >= 2 })
	if got, want := v.Reason(), "ffmpeg ended with exit status 3; it said: no such encoder"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestNotTaken: frames that ffmpeg does not take are not waited for without end, and a stop comes through.
func TestNotTaken(t *testing.T) {
	script := program(t, "exec sleep 1000")
	before := testutil.TakeResourceSnapshot(t)
	r := newFixture(t, makeClips(t), Config{FFmpeg: script})
	cam := r.newCamera("porch", media.JPEG)
	stop := cam.play(time.Millisecond)
	v := cam.view(media.Want{Codec: media.H264})
	testutil.Eventually(t, "it runs", func() bool { return r.tr.Totals().Processes == 1 })
	v.Close()
	r.stop()
	stop()
	before.CheckNoLeaks(t)
}

// program makes a program of a shell's commands.
func program(t testing.TB, commands string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+commands+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
