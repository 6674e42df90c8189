//go:build linux && cgo

package device

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func value(t *testing.T, d *Device, name string) int64 {
	t.Helper()
	list, err := d.Controls()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(c Control) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no control %s", name)
	}
	return list[i].Value
}

func TestSetControl(t *testing.T) {
	for _, tt := range []struct {
		device, control string
		values          []int64 // set in turn; the last one is the default
	}{
		{"vivid", "brightness", []int64{0, 255, 128}},
		{"vivid", "hue", []int64{-128, 128, 0}},
		{"vivid", "horizontal_flip", []int64{1, 0}},
		{"vivid", "menu", []int64{1, 4, 3}},
		{"vivid", "integer_menu", []int64{2, 8, 4}},
		{"vivid", "integer_32_bits", []int64{-2147483648, 2147483647, 0}},
		{"uvc", "brightness", []int64{-64, 64, 0}},
		{"uvc", "white_balance_automatic", []int64{0, 1}},
		{"uvc", "power_line_frequency", []int64{2, 0, 1}},
		{"uvc", "auto_exposure", []int64{1, 3}},
	} {
		t.Run(tt.device+" "+tt.control, func(t *testing.T) {
			d := openDevice(t, small(camera(t, tt.device)))
			for _, v := range tt.values {
				if err := d.SetControl(tt.control, v); err != nil {
					t.Error(err)
				}
				if got := value(t, d, tt.control); got != v {
					t.Errorf("is %d, want %d", got, v)
				}
			}
		})
	}
}

func TestSetControlRefuses(t *testing.T) {
	for _, tt := range []struct {
		device, control string
		value           int64
		want            error
		words           []string
	}{
		{"vivid", "brightness", 256, ErrValue, []string{"brightness is 0 to 255, not 256"}},
		{"vivid", "brightness", -1, ErrValue, []string{"0 to 255, not -1"}},
		{"vivid", "integer_32_bits", 1 << 40, ErrValue, []string{"-2147483648 to 2147483647"}},
		{"vivid", "horizontal_flip", 2, ErrValue, []string{"0 or 1, not 2"}},
		{"vivid", "menu", 2, ErrValue, []string{"1 (Menu Item 1), 3 (Menu Item 3), 4 (Menu Item 4), not 2"}},
		{"vivid", "read_only_integer_32_bits", 1, ErrValue, []string{"can only be read"}},
		{"vivid", "color", 1, source.ErrNoControl, []string{`"color"`, "brightness, contrast, saturation"}},
		{"uvc", "auto_exposure", 2, ErrValue, []string{"1 (Manual Mode), 3 (Aperture Priority Mode), not 2"}},
		{"uvc", "zoom_absolute", 99, ErrValue, []string{"100 to 400"}},
		{"uvc", "focus_absolute", 1, source.ErrNoControl, []string{"brightness", "zoom_absolute"}},
		{"mjpeg", "brightness", 1, source.ErrNoControl, []string{"keep_format"}},
	} {
		t.Run(tt.device+" "+tt.control, func(t *testing.T) {
			path := camera(t, tt.device)
			pixel := YUYV
			if tt.device == "mjpeg" {
				pixel = MJPEG
			}
			d := openDevice(t, Config{Path: path, Pixel: pixel, Width: 320, Height: 240})
			wantErr(t, d.SetControl(tt.control, tt.value), tt.want, append(tt.words, path)...)
		})
	}
}

// TestInactiveControl is about a control over which an automatic one decides.
func TestInactiveControl(t *testing.T) {
	d := openDevice(t, small(camera(t, "uvc")))
	err := d.SetControl("exposure_time_absolute", 100)
	t.Log(err)
	if err != nil {
		wantErr(t, err, ErrValue, "exposure_time_absolute", "automatic")
	}
	for _, step := range []struct {
		name  string
		value int64
	}{{"auto_exposure", 1}, {"exposure_time_absolute", 100}} {
		if err := d.SetControl(step.name, step.value); err != nil {
			t.Fatal(err)
		}
	}
	if got := value(t, d, "exposure_time_absolute"); got != 100 {
		t.Errorf("exposure time %d, want 100", got)
	}
	if err := d.SetControl("auto_exposure", 3); err != nil {
		t.Fatal(err)
	}
}

func TestRequestKeyFrame(t *testing.T) {
	for name, pixel := range map[string]PixelFormat{"vivid": YUYV, "h264": H264, "uvc": H264} {
		path := camera(t, name)
		d := openDevice(t, Config{Path: path, Pixel: pixel, Width: 1280, Height: 720})
		wantErr(t, d.RequestKeyFrame(), source.ErrNoControl, path, "key frames")
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestControlsWhileStreaming sets controls from several goroutines while frames come, and goes on while the device is
// closed.
func TestControlsWhileStreaming(t *testing.T) {
	for _, name := range []string{"vivid", "uvc"} {
		t.Run(name, func(t *testing.T) {
			d := openDevice(t, small(camera(t, name)))
			ctx, cancel := context.WithCancel(t.Context())
			r := run(ctx, d)
			ended := make(chan error)
			for i := range 3 {
				go func() {
					for v := int64(0); ; v++ {
						if err := d.SetControl("brightness", (v+int64(i))%64); err != nil {
							ended <- err
							return
						}
					}
				}()
			}
			for range 15 {
				testutil.Receive(t, "a frame", r.frames)
			}
			cancel()
			if err := testutil.Receive(t, "the end of Run", r.done); err != nil {
				t.Error(err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			for range 3 {
				wantErr(t, testutil.Receive(t, "an error", ended), os.ErrClosed)
			}
			_, err := d.Controls()
			wantErr(t, err, os.ErrClosed)
			wantErr(t, d.RequestKeyFrame(), os.ErrClosed)
		})
	}
	d := openDevice(t, small(camera(t, "vivid")))
	if err := d.SetControl("brightness", 128); err != nil {
		t.Fatal(err)
	}
}

func TestControlErrorsNameWhatThereIs(t *testing.T) {
	list := Control{Name: "menu", Type: "menu", Min: 1, Max: 3, Menu: []string{"one", "", "three"}}
	for _, tt := range []struct {
		c     Control
		value int64
		want  string // "": the value is fine
	}{
		{Control{Name: "gain", Type: "int", Min: -5, Max: 5}, -5, ""},
		{Control{Name: "gain", Type: "int", Min: -5, Max: 5}, 6, "gain is -5 to 5, not 6"},
		{Control{Name: "flip", Type: "bool", Max: 1}, 1, ""},
		{Control{Name: "flip", Type: "bool", Max: 1}, 2, "flip is 0 or 1, not 2"},
		{list, 1, ""},
		{list, 3, ""},
		{list, 0, "menu is one of 1 (one), 3 (three), not 0"},
		{list, 2, "menu is one of 1 (one), 3 (three), not 2"},
		{list, 4, "menu is one of 1 (one), 3 (three), not 4"},
		{Control{Name: "menu", Type: "menu", Min: 1, Max: 3}, 2, ""}, // a driver that does not name the items
		{Control{Name: "menu", Type: "menu", Min: 1, Max: 3}, 4, "menu is 1 to 3, not 4"},
		{Control{Name: "reset", Type: "button"}, 0, ""},
		{Control{Name: "temperature", Type: "int", Max: 9, ReadOnly: true}, 1, "temperature can only be read"},
	} {
		err := tt.c.Check(tt.value)
		if tt.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantErr(t, err, ErrValue, tt.want)
	}
}

func TestControlName(t *testing.T) {
	for driver, want := range map[string]string{
		"Brightness":                 "brightness",
		"White Balance Temperature":  "white_balance_temperature",
		"White Balance, Automatic":   "white_balance_automatic",
		"Exposure (Absolute)":        "exposure_absolute",
		"H264 I-Frame Period":        "h264_i_frame_period",
		"Limited RGB Range (16-235)": "limited_rgb_range_16_235",
		"  Y'CbCr  Encoding ":        "y_cbcr_encoding",
		"1.5x":                       "1_5x",
		"":                           "",
	} {
		if got := controlName(driver); got != want {
			t.Errorf("%q becomes %q, want %q", driver, got, want)
		}
	}
	if name := controlName(strings.Repeat("é", 3)); name != "" {
		t.Errorf("%q", name)
	}
}
