//go:build linux && cgo

package device

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// small asks for the least that vivid and uvc both have.
func small(path string) Config {
	return Config{Path: path, Pixel: YUYV, Width: 320, Height: 180, FPS: 30}
}

// running is a Run in a goroutine of its own.
type running struct {
	frames chan Buffer // without Data
	done   chan error
}

func run(ctx context.Context, d *Device) running {
	r := running{frames: make(chan Buffer, 1000), done: make(chan error, 1)}
	go func() {
		r.done <- d.Run(ctx, func(b Buffer) {
			b.Data = nil
			select {
			case r.frames <- b:
			default:
			}
		})
	}()
	return r
}

func TestUnplug(t *testing.T) {
	for _, name := range []string{"vivid", "uvc"} {
		t.Run(name, func(t *testing.T) {
			cfg := small(camera(t, name))
			before := testutil.TakeResourceSnapshot(t)
			d := openDevice(t, cfg)
			r := run(t.Context(), d)
			testutil.Receive(t, "a frame", r.frames)
			start := time.Now()
			guest(t, "unplug", name)
			unplugged := time.Now()
			err := testutil.Receive(t, "the end of Run", r.done)
			t.Logf("unplug took %v, Run ended %v later: %v", unplugged.Sub(start), time.Since(unplugged), err)
			wantErr(t, err, source.ErrGone, cfg.Path)
			wantErr(t, d.SetControl("brightness", 1), source.ErrGone, cfg.Path)
			_, err = d.Controls()
			wantErr(t, err, source.ErrGone, cfg.Path)
			wantErr(t, d.Run(t.Context(), func(Buffer) {}), source.ErrGone, cfg.Path)
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			_, err = Open(cfg)
			wantErr(t, err, source.ErrGone, cfg.Path)
			_, err = Describe(cfg.Path)
			wantErr(t, err, source.ErrGone, cfg.Path)
			before.CheckNoLeaks(t)

			guest(t, "plug", name)
			record(t, openDevice(t, cfg), 1)
		})
	}
}

func TestBusy(t *testing.T) {
	for _, name := range []string{"vivid", "uvc"} {
		t.Run(name, func(t *testing.T) {
			cfg := small(camera(t, name))
			ctx, cancel := context.WithCancel(t.Context())
			r := run(ctx, openDevice(t, cfg))
			testutil.Receive(t, "a frame", r.frames)
			before := testutil.TakeResourceSnapshot(t)
			for range 20 {
				other, err := Open(cfg)
				if err == nil { // some drivers refuse only the buffers
					err = errors.Join(other.Run(ctx, func(Buffer) {}), other.Close())
				}
				wantErr(t, err, source.ErrBusy, cfg.Path)
			}
			before.CheckNoLeaks(t)
			if _, err := Describe(cfg.Path); err != nil {
				t.Errorf("a busy camera cannot be described: %v", err)
			}
			cancel()
			if err := testutil.Receive(t, "the end of Run", r.done); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusedFormat(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pixel PixelFormat
		words []string
	}{
		{"vivid", H264, []string{"H264", "YUYV", "NV12"}},
		{"vivid", MJPEG, []string{"MJPG", "YUYV"}},
		{"mjpeg", H264, []string{"H264", "it offers MJPG"}},
		{"h264", YUYV, []string{"YUYV", "it offers H264"}},
		{"uvc", NV12, []string{"NV12", "it offers MJPG, YUYV, H264"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := camera(t, tt.name)
			before := testutil.TakeResourceSnapshot(t)
			for range 20 {
				_, err := Open(Config{Path: path, Pixel: tt.pixel, Width: 640, Height: 480})
				wantErr(t, err, ErrFormat, append(tt.words, path)...)
			}
			before.CheckNoLeaks(t)
		})
	}
}

// TestNoCamera needs no device.
func TestNoCamera(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("no camera"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := testutil.TakeResourceSnapshot(t)
	for path, want := range map[string]error{
		filepath.Join(dir, "video0"): source.ErrGone,
		file:                         ErrNotCamera,
		dir:                          ErrNotCamera,
		os.DevNull:                   ErrNotCamera,
	} {
		_, err := Open(small(path))
		wantErr(t, err, want, path)
		_, err = Describe(path)
		wantErr(t, err, want, path)
	}
	before.CheckNoLeaks(t)
}

// TestInjected has vivid fail at each step of a stream; after each failure nothing is left, and the next attempt
// succeeds.
func TestInjected(t *testing.T) {
	cfg := small(camera(t, "vivid"))
	before := testutil.TakeResourceSnapshot(t)
	for _, button := range []string{"inject_vidioc_reqbufs_error", "inject_vidioc_qbuf_error",
		"inject_vidioc_streamon_error"} {
		d := openDevice(t, cfg)
		if err := d.SetControl(button, 0); err != nil {
			t.Fatal(err)
		}
		err := d.Run(t.Context(), func(Buffer) { t.Errorf("%s: a frame", button) })
		t.Logf("%s: %v", button, err)
		if err == nil || errors.Is(err, source.ErrGone) {
			t.Errorf("%s: error %v", button, err)
		}
		record(t, d, 1)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		before.CheckNoLeaks(t)
	}
}

func TestInjectedWhileStreaming(t *testing.T) {
	for _, tt := range []struct {
		button string
		gone   bool
	}{{"inject_fatal_streaming_error", false}, {"disconnect", true}} {
		t.Run(tt.button, func(t *testing.T) {
			cfg := small(camera(t, "vivid"))
			before := testutil.TakeResourceSnapshot(t)
			d := openDevice(t, cfg)
			r := run(t.Context(), d)
			testutil.Receive(t, "a frame", r.frames)
			if err := d.SetControl(tt.button, 0); err != nil {
				t.Fatal(err)
			}
			err := testutil.Receive(t, "the end of Run", r.done)
			t.Log(err)
			if err == nil || errors.Is(err, source.ErrGone) != tt.gone {
				t.Errorf("error %v, gone is to be %v", err, tt.gone)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			before.CheckNoLeaks(t)
			if tt.gone { // the module behind it is still there
				guest(t, "unplug", "vivid")
				guest(t, "plug", "vivid")
			}
			record(t, openDevice(t, cfg), 1)
		})
	}
}

func TestBrokenBuffer(t *testing.T) {
	d := openDevice(t, small(camera(t, "vivid")))
	if err := d.SetControl("inject_v4l2_buf_flag_error", 0); err != nil {
		t.Fatal(err)
	}
	for i, b := range record(t, d, 5) {
		if b.Broken != (i == 0) {
			t.Errorf("buffer %d broken: %v", i, b.Broken)
		}
	}
}

// reloadVivid has vivid come as something else than a webcam, until the test ends.
func reloadVivid(t *testing.T, parameters ...string) Config {
	t.Helper()
	cfg := small(camera(t, "vivid"))
	guest(t, "rmmod", "vivid")
	t.Cleanup(func() {
		guest(t, "rmmod", "vivid")
		guest(t, "plug", "vivid")
	})
	guest(t, append([]string{"modprobe", "vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "vid_cap_nr=0"},
		parameters...)...)
	testutil.Eventually(t, "the device is there", func() bool {
		_, err := os.Stat(cfg.Path)
		return err == nil
	})
	return cfg
}

func TestMultiplanar(t *testing.T) {
	cfg := reloadVivid(t, "input_types=0", "multiplanar=2")
	before := testutil.TakeResourceSnapshot(t)
	if about, err := Describe(cfg.Path); err != nil || about.Capture {
		t.Errorf("%+v %v", about, err)
	}
	_, err := Open(cfg)
	wantErr(t, err, ErrNotCamera, cfg.Path)
	before.CheckNoLeaks(t)
}

// TestHDMI is about an adapter whose signal changes, goes and comes back.
func TestHDMI(t *testing.T) {
	cfg := reloadVivid(t, "input_types=3")
	before := testutil.TakeResourceSnapshot(t)
	for _, step := range []struct {
		signal        string // of vivid's input, set while it streams
		timings       string
		width, height int // 0: there is none then
	}{
		{"Selected DV Timings", "720x576p50", 720, 576},
		{"No Signal", "720x576p50", 0, 0},
		{"Out of Range", "720x576p50", 0, 0},
		{"Selected DV Timings", "1280x720p60", 1280, 720},
	} {
		setSignal(t, cfg, step.signal, step.timings)
		cfg.Width, cfg.Height = step.width, step.height
		d, err := Open(cfg)
		if step.width == 0 {
			wantErr(t, err, ErrNoSignal, cfg.Path, "HDMI")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if g := d.Negotiated(); g.Width != step.width || g.Height != step.height {
			t.Errorf("%+v: given %+v", step, g)
		}
		about, err := Describe(cfg.Path)
		if err != nil || len(about.Formats) == 0 || !about.Formats[0].Sizes[0].Stepped ||
			len(about.Formats[0].Sizes[0].Rates) == 0 {
			t.Errorf("%+v %v; want sizes in steps", about, err)
		}
		r := run(t.Context(), d)
		testutil.Receive(t, "a frame", r.frames)
		if err := d.SetControl("dv_timings_signal_mode", 1); err != nil { // no signal
			t.Fatal(err)
		}
		wantErr(t, testutil.Receive(t, "the end of Run", r.done), ErrChanged, cfg.Path)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	before.CheckNoLeaks(t)
}

// setSignal uses the device without Open, which wants a signal.
func setSignal(t *testing.T, cfg Config, signal, timings string) {
	t.Helper()
	fd, err := openNode(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	d := &Device{&platform{path: cfg.Path, fd: fd}}
	list, err := d.Controls()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		var i int
		switch c.Name {
		case "dv_timings":
			i = slices.Index(c.Menu, timings)
		case "dv_timings_signal_mode":
			i = slices.Index(c.Menu, signal)
		default:
			continue
		}
		if i < 0 {
			t.Fatalf("%s has neither %q nor %q", c.Name, signal, timings)
		}
		if err := d.SetControl(c.Name, c.Min+int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
