package v4l2

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

func TestParse(t *testing.T) {
	h := newFakeHost(t)
	for spec, want := range map[string]frame.Format{
		"/dev/video0":              frame.JPEG,
		"/dev/video0#format=mjpeg": frame.JPEG,
		"/dev/video0#format=jpeg":  frame.JPEG,
		"/dev/video0#format=yuyv&size=320x240&fps=5&quality=50":                          frame.JPEG,
		"/dev/video0#format=nv12&fps=29.97":                                              frame.JPEG,
		"/dev/v4l/by-id/usb-A_B-video-index0#format=h264&bitrate=2000000&intra=30":       frame.H264,
		"/dev/v4l/by-path/p-usb-0:1.2:1.0-video-index0#warmup=0s&control.brightness=-10": frame.JPEG,
	} {
		src, err := h.parse(spec, &drop.Counters{})
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if src.Kind() != "v4l2" || src.Format() != want || src.(source.Retrier).MaxBackoff() != time.Second {
			t.Errorf("%s: %s, %s", spec, src.Kind(), src.Format())
		}
		if _, ok := src.(source.KeyFramer); ok != (want == frame.H264) {
			t.Errorf("%s: can be asked for key frames: %v", spec, ok)
		}
	}
	if len(h.asked)+h.describes > 0 {
		t.Error("parsing needs the camera")
	}
	for spec, want := range map[string]string{
		"":                                      "bramble-agent devices",
		"video0":                                "bramble-agent devices",
		"0":                                     "not v4l2:0",
		"/dev/video0#format=rgb":                "must be mjpeg, h264, yuyv or nv12",
		"/dev/video0#fps=0":                     "from 0.2 to 240",
		"/dev/video0#size=1280":                 "WIDTHxHEIGHT",
		"/dev/video0#warmup=5":                  "for example 500ms",
		"/dev/video0#warmup=6s":                 "from 0s to 5s",
		"/dev/video0#warmup=-1s":                "from 0s to 5s",
		"/dev/video0#quality=101":               "from 1 to 100",
		"/dev/video0#bitrate=1000000":           `unknown option "bitrate"`,
		"/dev/video0#format=h264&quality=50":    `unknown option "quality"`,
		"/dev/video0#format=h264&bitrate=1":     "from 1000",
		"/dev/video0#control.brightness=bright": "control.brightness=bright: write control.NAME=NUMBER",
		"/dev/video0#control.=1":                "write control.NAME=NUMBER",
		"/dev/video0#controls.brightness=1":     "control.NAME",
	} {
		if _, err := h.parse(spec, &drop.Counters{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", spec, err, want)
		}
	}
}

// TestSupport: without cgo there is no such source, and that is said at once.
func TestSupport(t *testing.T) {
	_, err := source.Registry{"v4l2": New}.Parse("porch", "v4l2:/dev/video0", source.Env{})
	if device.Supported && err != nil || !device.Supported && !errors.Is(err, device.ErrNoSupport) {
		t.Errorf("supported %v, error %v", device.Supported, err)
	}
}

// TestAsksFor: which format, size and rate the camera is asked for.
func TestAsksFor(t *testing.T) {
	mjpeg, jpeg, yuyv, nv12, h264 := device.MJPEG, device.JPEG, device.YUYV, device.NV12, device.H264
	rgb := device.PixelFormat('R' | 'G'<<8 | 'B'<<16 | '3'<<24)
	for _, c := range []struct {
		options string
		offered []device.PixelFormat
		want    device.Config
	}{
		{"", []device.PixelFormat{yuyv, mjpeg}, device.Config{Pixel: mjpeg, Width: 1280, Height: 720, FPS: 30, Newest: true}},
		{"size=640x360&fps=15", []device.PixelFormat{h264, jpeg, nv12}, device.Config{Pixel: jpeg, Width: 640, Height: 360,
			FPS: 15, Newest: true}},
		{"", []device.PixelFormat{rgb, nv12, yuyv}, device.Config{Pixel: yuyv, Width: 640, Height: 480, FPS: 10,
			Newest: true}},
		{"size=320x240", []device.PixelFormat{nv12}, device.Config{Pixel: nv12, Width: 320, Height: 240, FPS: 10,
			Newest: true}},
		{"format=yuyv&fps=30", []device.PixelFormat{mjpeg, yuyv}, device.Config{Pixel: yuyv, Width: 640, Height: 480, FPS: 30,
			Newest: true}},
		{"format=h264", []device.PixelFormat{mjpeg, h264}, device.Config{Pixel: h264, Width: 1280, Height: 720, FPS: 30}},
	} {
		h := newFakeHost(t, c.offered...)
		if _, err := h.play(h.source(c.options, &drop.Counters{})); err != nil {
			t.Errorf("%s of %v: %v", c.options, c.offered, err)
		}
		c.want.Path = "/dev/video0"
		if len(h.asked) != 1 || h.asked[0] != c.want {
			t.Errorf("%q of %v: asked for %+v, want %+v", c.options, c.offered, h.asked, c.want)
		}
	}
}

// TestUnsuitable: what the camera does not offer is said, with what it does.
func TestUnsuitable(t *testing.T) {
	rgb := device.PixelFormat('R' | 'G'<<8 | 'B'<<16 | '3'<<24)
	for name, c := range map[string]struct {
		host  func(*fakeHost)
		is    error
		words []string
	}{
		"only RGB": {func(h *fakeHost) { h.about.Formats = []device.Format{{Pixel: rgb}} }, device.ErrFormat,
			[]string{"offers RGB3", "/dev/video0"}},
		"only H.264": {func(h *fakeHost) { h.about.Formats = []device.Format{{Pixel: device.H264}} }, device.ErrFormat,
			[]string{"#format=h264"}}, "nothing": {func(h *fakeHost) {}, device.ErrFormat, []string{"no video signal"}},
		"metadata node": {func(h *fakeHost) { h.about.Capture = false }, device.ErrNotCamera,
			[]string{"bramble-agent devices"}}, "gone": {func(h *fakeHost) { h.described = source.ErrGone }, source.ErrGone,
			nil},
	} {
		h := newFakeHost(t)
		c.host(h)
		_, err := h.play(h.source("", &drop.Counters{}))
		if !errors.Is(err, c.is) {
			t.Errorf("%s: error %v, want %v", name, err, c.is)
		}
		for _, w := range c.words {
			if err != nil && !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %v lacks %q", name, err, w)
			}
		}
	}
}

// TestFails: the device's errors come through, and the camera is closed.
func TestFails(t *testing.T) {
	for _, want := range []error{source.ErrGone, source.ErrBusy, device.ErrBandwidth, source.ErrPermission} {
		h := newFakeHost(t, device.MJPEG)
		h.refuse = want
		if _, err := h.play(h.source("", &drop.Counters{})); !errors.Is(err, want) {
			t.Errorf("Open fails with %v: %v", want, err)
		}
		h = newFakeHost(t, device.MJPEG)
		h.buffers, h.ends, h.closing = same(3, sourcetest.JPEG(t, 64, 48)), want, errors.New("does not close")
		got, err := h.play(h.source("", &drop.Counters{}))
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "does not close") || len(got) != 3 {
			t.Errorf("Run fails with %v: %v, %d frames", want, err, len(got))
		}
	}
}

// TestRestart: a changed rate ends the Run, the next one asks for it, and each Run is an epoch of its own.
func TestRestart(t *testing.T) {
	h := newFakeHost(t, device.MJPEG)
	h.buffers = same(4, sourcetest.JPEG(t, 64, 48))
	src := h.source("fps=15", &drop.Counters{})
	fps := 5.0
	h.before = func(i int) {
		if i == 2 && len(h.asked) == 1 {
			if err := src.(source.Configurer).Configure(source.Settings{FPS: &fps}); err != nil {
				t.Error(err)
			}
		}
	}
	got, err := h.play(src)
	if !errors.Is(err, source.ErrRestart) || len(got) != 2 {
		t.Fatalf("%d frames, error %v", len(got), err)
	}
	got, err = h.play(src)
	if err != nil || len(got) != 4 || got[0].PTS != 0 || got[0].Lost != 0 {
		t.Fatalf("%d frames, error %v", len(got), err)
	}
	rates := []float64{h.asked[0].FPS, h.asked[1].FPS}
	if err := src.(source.Configurer).Configure(source.Settings{FPS: &fps}); err != nil ||
		!slices.Equal(rates, []float64{15, 5}) {
		t.Errorf("asked for %v fps, %v", rates, err)
	}
	if _, err = h.play(src); err != nil { // unchanged: no new start
		t.Error(err)
	}
}

// TestCycles: a thousand openings with every way to end leave nothing behind (goleak counts goroutines when all tests
// have ended).
func TestCycles(t *testing.T) {
	h := newFakeHost(t, device.MJPEG)
	h.buffers = same(3, sourcetest.JPEG(t, 64, 48))
	src := h.source("", &drop.Counters{})
	for i := range 1000 {
		ctx, cancel := context.WithCancel(t.Context())
		stopAt := i % 6 // 4: while it waits for frames; 5: before it opens
		h.refuse, h.ends, h.last, h.before = nil, nil, cancel, func(n int) {
			if n == stopAt {
				cancel()
			}
		}
		var want error
		switch {
		case i%5 == 0:
			h.refuse, want = source.ErrBusy, source.ErrBusy
		case i%7 == 0:
			h.ends, h.last, h.before, want = source.ErrGone, nil, nil, source.ErrGone
		}
		if stopAt == 5 {
			cancel()
			want = nil
		}
		if err := src.Run(ctx, func(source.Frame) {}); !errors.Is(err, want) {
			t.Fatalf("run %d: %v, want %v", i, err, want)
		}
		cancel()
		if h.open != 0 {
			t.Fatalf("run %d: left open", i)
		}
	}
	if n := len(h.asked); n < 700 || n > 900 {
		t.Errorf("opened %d times: not when the context has ended, always else", n)
	}
}

// TestConfigureWhileRunning: changes, queries and statistics do not disturb a camera that comes and goes.
func TestConfigureWhileRunning(t *testing.T) {
	h := newFakeHost(t, device.H264)
	h.about.Controls = []device.Control{{Name: "brightness", Type: "int", Max: 100}}
	h.buffers, h.ends = stream(accessUnits24(t)...), source.ErrGone
	src := h.source("format=h264", &drop.Counters{})
	var stops []func()
	for worker := range 3 {
		stops = append(stops, testutil.Run(t, func(ctx context.Context) error {
			for i := 0; ctx.Err() == nil; i++ {
				fps := float64(1 + i%2)
				set := source.Settings{Controls: map[string]int64{"brightness": int64(i % 100)}}
				if worker == 0 {
					set = source.Settings{FPS: &fps}
				}
				if err := src.(source.Configurer).Configure(set); err != nil {
					return err
				}
				if err := src.(source.KeyFramer).RequestKeyFrame(); err != nil {
					return err
				}
				src.(source.Configurer).Controls()
				src.(source.Warner).Warning()
				src.(source.Clocked).ClockSource()
			}
			return nil
		}))
	}
	for range 300 {
		if err := src.Run(t.Context(), func(source.Frame) {}); !errors.Is(err, source.ErrGone) &&
			!errors.Is(err, source.ErrRestart) {
			t.Fatal(err)
		}
	}
	for _, stop := range stops {
		stop()
	}
}
