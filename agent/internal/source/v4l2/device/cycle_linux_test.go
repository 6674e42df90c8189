//go:build linux && cgo

package device

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestCycles: opening, streaming and closing leaks nothing. The snapshot allows for nothing, so that some dozen cycles
// of each driver suffice.
func TestCycles(t *testing.T) {
	for _, tt := range []struct {
		name          string
		pixel         PixelFormat
		width, height int
		cycles        int
	}{
		{"vivid", YUYV, 320, 180, 50},
		{"mjpeg", MJPEG, 1280, 720, 100},
		{"h264", H264, 1280, 720, 80},
		{"uvc", YUYV, 320, 240, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Config{Path: camera(t, tt.name), Pixel: tt.pixel, Width: tt.width, Height: tt.height, FPS: 60}
			cycle(t, cfg)
			before := testutil.TakeResourceSnapshot(t)
			start := time.Now()
			for range tt.cycles {
				cycle(t, cfg)
			}
			t.Logf("%d cycles, %v each", tt.cycles, time.Since(start)/time.Duration(tt.cycles))
			before.CheckNoLeaks(t)
		})
	}
}

// cycle opens, streams one frame and closes.
func cycle(t *testing.T, cfg Config) {
	t.Helper()
	d, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	frames := 0
	if err := d.Run(ctx, func(Buffer) { frames++; cancel() }); err != nil || frames == 0 {
		t.Fatalf("%v after %d frames", err, frames)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestUnplugCycles removes the device while it streams, again and again.
func TestUnplugCycles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cycles int
	}{{"vivid", 20}, {"uvc", 4}} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := small(camera(t, tt.name))
			before := testutil.TakeResourceSnapshot(t)
			start := time.Now()
			for range tt.cycles {
				unplugCycle(t, tt.name, cfg)
			}
			t.Logf("%d cycles, %v each", tt.cycles, time.Since(start)/time.Duration(tt.cycles))
			before.CheckNoLeaks(t)
		})
	}
}

func unplugCycle(t *testing.T, name string, cfg Config) {
	t.Helper()
	d, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := run(t.Context(), d)
	testutil.Receive(t, "a frame", r.frames)
	guest(t, "unplug", name)
	wantErr(t, testutil.Receive(t, "the end of Run", r.done), source.ErrGone)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	guest(t, "plug", name)
}

// TestSetUpUnderGarbageCollection asks for what never changes, on new goroutines at varying depth, while the
// collector moves every stack that it may: what go4vl reads must not be lost on the way.
func TestSetUpUnderGarbageCollection(t *testing.T) {
	cfg := small(camera(t, "uvc"))
	want, err := Describe(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	before := testutil.TakeResourceSnapshot(t)
	stop := collectGarbage(t)
	defer stop()
	for i := range 200 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			deep(i%25, func() {
				got, err := Describe(cfg.Path)
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%+v %v, want %+v", got, err, want)
				}
			})
		}()
		<-done
	}
	d := openDevice(t, cfg)
	given := d.Negotiated()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		d := openDevice(t, cfg)
		if g := d.Negotiated(); g != given {
			t.Errorf("%+v, want %+v", g, given)
		}
		record(t, d, 1)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	before.CheckNoLeaks(t)
}
