package v4l2

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
)

func quiet(tb testing.TB) *slog.Logger { return testutil.Log(tb) }

// logged returns a logger that writes to memory.
func logged() (*slog.Logger, *bytes.Buffer) {
	var lines bytes.Buffer
	return slog.New(slog.NewTextHandler(&lines, nil)), &lines
}

// webcam are the controls of a usual camera.
func webcam() []device.Control {
	number := func(name string, low, high, now int64) device.Control {
		return device.Control{Name: name, Type: "int", Min: low, Max: high, Step: 1, Default: now, Value: now}
	}
	return []device.Control{
		number("brightness", -64, 64, 0),
		{Name: "white_balance_automatic", Type: "bool", Max: 1, Value: 1},
		number("white_balance_temperature", 2800, 6500, 4600),
		{Name: "auto_exposure", Type: "menu", Max: 3, Value: 3,
			Menu: []string{"", "Manual Mode", "", "Aperture Priority Mode"}},
		number("exposure_time_absolute", 1, 5000, 157),
		{Name: "focus_automatic_continuous", Type: "bool", Max: 1, Value: 1},
		number("focus_absolute", 0, 250, 0),
		{Name: "privacy", Type: "bool", Max: 1, ReadOnly: true},
		{Name: "reset", Type: "button"},
	}
}

// TestControlsAtOpening: they are set at each opening, what is automatic before what it decides; what is refused is a
// warning.
func TestControlsAtOpening(t *testing.T) {
	h := newFakeHost(t, device.MJPEG)
	h.about.Controls = webcam()
	h.rejects = map[string]error{"brightness": errors.New("the device is in a bad mood")}
	src := h.source(
		"control.exposure_time_absolute=300&control.focus_absolute=20&control.auto_exposure=1&"+
			"control.white_balance_temperature=4000&"+
			"control.white_balance_automatic=0&control.focus_automatic_continuous=0&control.sharpness=3&control.brightness=7",
		&drop.Counters{})
	const want = "auto_exposure=1 focus_automatic_continuous=0 white_balance_automatic=0 " +
		"exposure_time_absolute=300 focus_absolute=20 white_balance_temperature=4000"
	for n := range 3 {
		if _, err := h.play(src); err != nil {
			t.Fatal(err)
		}
		if got, _ := h.log(); got != strings.TrimSpace(strings.Repeat(want+" ", n+1)) {
			t.Fatalf("opening %d: set %s", n, got)
		}
	}
	w := src.(source.Warner).Warning()
	for _, words := range []string{"sharpness=3 was not set", "it has brightness, white_balance_automatic",
		"brightness=7 was not set", "bad mood"} {
		if !strings.Contains(w, words) {
			t.Errorf("warning %q lacks %q", w, words)
		}
	}
	for _, c := range src.(source.Configurer).Controls() {
		if c.Name == "exposure_time_absolute" && c.Value != 300 || c.Name == "privacy" {
			t.Errorf("listed: %+v", c)
		}
	}
}

// TestRefusalIsLoggedOnce: a camera that is opened each second does not fill the log.
func TestRefusalIsLoggedOnce(t *testing.T) {
	h := newFakeHost(t, device.MJPEG)
	h.about.Controls = webcam()
	log, lines := logged()
	spec, _ := source.ParseSpec("porch", "/dev/video0#control.sharpness=3")
	src, err := parse(spec, source.Env{Drops: &drop.Counters{}, Log: log}, h.host())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := h.play(src); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(lines.String(), "level=WARN"); n != 1 {
		t.Errorf("logged %d times, want 1: %s", n, lines.String())
	}
}

func TestEncoderControls(t *testing.T) {
	for _, c := range []struct{ name, options, has, want, warns string }{
		{"both", "bitrate=2000000&intra=30", "video_bitrate h264_i_frame_period video_gop_size",
			"h264_i_frame_period=30 video_bitrate=2000000", ""},
		{"GOP size", "intra=60", "video_gop_size", "video_gop_size=60", ""},
		{"mode first", "bitrate=2000000&control.video_bitrate_mode=1", "video_bitrate_mode video_bitrate",
			"video_bitrate_mode=1 video_bitrate=2000000", ""},
		{"none", "bitrate=2000000&intra=30", "brightness", "", "h264_i_frame_period=30 was not set"},
	} {
		h := newFakeHost(t, device.H264)
		for _, name := range strings.Fields(c.has) {
			h.about.Controls = append(h.about.Controls, device.Control{Name: name, Type: "int", Max: 1 << 30})
		}
		src := h.source("format=h264&"+c.options, &drop.Counters{})
		if _, err := h.play(src); err != nil {
			t.Fatal(err)
		}
		got, _ := h.log()
		if w := src.(source.Warner).Warning(); got != c.want || (w == "") != (c.warns == "") ||
			!strings.Contains(w, c.warns) {
			t.Errorf("%s: set %q, want %q; warning %q", c.name, got, c.want, w)
		}
	}
}

// configure changes a camera that is running, with f at its third frame, and returns the error.
func configure(t *testing.T, h *fakeHost, src source.Source, set source.Settings) (err error) {
	t.Helper()
	h.before = func(i int) {
		if i == 2 {
			err = src.(source.Configurer).Configure(set)
		}
	}
	if _, err := h.play(src); err != nil {
		t.Fatal(err)
	}
	h.before = nil
	return err
}

// TestConfigure: a change counts at once and again at the next opening, but a button is pressed once.
func TestConfigure(t *testing.T) {
	h := newFakeHost(t, device.MJPEG)
	h.about.Controls = webcam()
	h.buffers = same(4, sourcetest.JPEG(t, 64, 48))
	src := h.source("control.brightness=5&control.sharpness=1", &drop.Counters{})
	err := configure(t, h, src,
		source.Settings{Controls: map[string]int64{"focus_absolute": 30, "focus_automatic_continuous": 0, "brightness": 9,
			"reset": 1}})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := h.log()
	const live = "brightness=5 focus_automatic_continuous=0 brightness=9 focus_absolute=30 reset=1"
	if got != live {
		t.Errorf("set %s", got)
	}
	if _, err := h.play(src); err != nil {
		t.Fatal(err)
	}
	if got, _ = h.log(); got != live+" focus_automatic_continuous=0 brightness=9 focus_absolute=30" {
		t.Errorf("set %s", got)
	}
	for _, c := range src.(source.Configurer).Controls() {
		if c.Name == "focus_absolute" && c.Value != 30 {
			t.Errorf("listed: %+v", c)
		}
	}
}

// TestConfigureRefuses: nothing is taken if anything is wrong, and the error says what is allowed.
func TestConfigureRefuses(t *testing.T) {
	fps, zero, high, bitrate := 5.0, 0.0, 101, 1_000_000
	one := func(name string, value int64) source.Settings {
		return source.Settings{FPS: &fps, Controls: map[string]int64{name: value, "contrast": 1, "auto_exposure": 1}}
	}
	for name, c := range map[string]struct {
		set  source.Settings
		want string
	}{
		"unknown":          {one("sharpness", 3), `"sharpness"; it has contrast, brightness`},
		"out of range":     {one("brightness", 65), "-64 to 64"},
		"no item":          {one("auto_exposure", 2), "1 (Manual Mode), 3 (Aperture Priority Mode)"},
		"no switch":        {one("white_balance_automatic", 2), "0 or 1"},
		"read only":        {one("privacy", 1), "only be read"},
		"rate":             {source.Settings{FPS: &zero, Controls: map[string]int64{"brightness": 1}}, "from 0.2 to 240"},
		"quality":          {source.Settings{Quality: &high}, "from 1 to 100"},
		"camera's quality": {source.Settings{Quality: new(int)}, ""},
		"bitrate":          {source.Settings{Bitrate: &bitrate}, "for H.264"},
		"the driver says":  {one("brightness", 7), "bad mood"},
	} {
		for _, running := range []bool{true, false} {
			if name == "the driver says" && !running {
				continue
			}
			t.Run(fmt.Sprintf("%s, running %v", name, running), func(t *testing.T) {
				h := newFakeHost(t, device.MJPEG)
				h.about.Controls = append([]device.Control{{Name: "contrast", Type: "int", Max: 10, Value: 4}}, webcam()...)
				h.rejects = map[string]error{"brightness": errors.New("the device is in a bad mood")}
				h.buffers = same(4, sourcetest.JPEG(t, 64, 48))
				src := h.source("", &drop.Counters{})
				var err error
				if running {
					err = configure(t, h, src, c.set)
				} else {
					err = src.(source.Configurer).Configure(c.set)
				}
				if !errors.Is(err, source.ErrSetting) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				h.rejects, h.sets = nil, nil
				if _, err := h.play(src); err != nil {
					t.Fatal(err)
				}
				got, _ := h.log()
				if last := h.asked[len(h.asked)-1]; got != "" || last.FPS != 30 {
					t.Errorf("the next opening sets %q and asks for %v fps", got, last.FPS)
				}
				for _, known := range h.about.Controls {
					if known.Name == "contrast" && known.Value != 4 || known.Name == "auto_exposure" && known.Value != 3 {
						t.Errorf("%s is left at %d", known.Name, known.Value)
					}
				}
			})
		}
	}
}

// TestConfigureClosed: a camera that was never open is asked what it knows, without being started.
func TestConfigureClosed(t *testing.T) {
	h := newFakeHost(t, device.MJPEG)
	h.described = source.ErrGone
	src := h.source("", &drop.Counters{})
	set := source.Settings{Controls: map[string]int64{"brightness": 3}}
	if err := src.(source.Configurer).Configure(set); !errors.Is(err, source.ErrSetting) ||
		!strings.Contains(err.Error(), "never there") {
		t.Errorf("not there: %v", err)
	}
	if list := src.(source.Configurer).Controls(); list != nil {
		t.Errorf("not there: %+v", list)
	}
	h.described, h.about.Controls = nil, webcam()
	if list := src.(source.Configurer).Controls(); len(list) != len(webcam())-1 {
		t.Errorf("there: %+v", list)
	}
	if err := src.(source.Configurer).Configure(set); err != nil {
		t.Error(err)
	}
	if len(h.asked) > 0 {
		t.Error("the camera was opened")
	}
	if _, err := h.play(src); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.log(); got != "brightness=3" {
		t.Errorf("set %s", got)
	}
}

// TestQuality: a camera that encodes has a control for it or none at all; what is encoded here needs none.
func TestQuality(t *testing.T) {
	quality := 40
	for name, c := range map[string]struct {
		pixel    device.PixelFormat
		controls []device.Control
		options  string
		want     string // set at opening and by Configure
		fails    string
		warns    string
	}{
		"by the camera": {device.MJPEG, []device.Control{{Name: controlQuality, Type: "int", Max: 100}}, "",
			"compression_quality=40", "", ""},
		"by the camera, at once": {device.JPEG, []device.Control{{Name: controlQuality, Type: "int", Max: 100}}, "quality=60",
			"compression_quality=60 compression_quality=40", "", ""},
		"not at all":       {device.MJPEG, webcam(), "quality=60", "", "encodes its JPEGs itself", "quality has no effect"},
		"here":             {device.NV12, nil, "quality=60", "", "", ""},
		"here, never open": {device.YUYV, nil, "format=yuyv", "", "", ""},
	} {
		h := newFakeHost(t, c.pixel)
		h.about.Controls = c.controls
		src := h.source(c.options, &drop.Counters{})
		var err error
		if c.options == "" || c.options == "format=yuyv" {
			err = src.(source.Configurer).Configure(source.Settings{Quality: &quality})
			if _, err := h.play(src); err != nil {
				t.Fatal(err)
			}
		} else {
			h.buffers = stream(nil, nil, nil)
			err = configure(t, h, src, source.Settings{Quality: &quality})
		}
		if (c.fails == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: error %v, want %q", name, err, c.fails)
		}
		got, _ := h.log()
		if w := src.(source.Warner).Warning(); got != c.want || !strings.Contains(w, c.warns) || c.warns == "" && w != "" {
			t.Errorf("%s: set %q, want %q; warning %q", name, got, c.want, w)
		}
	}
}

// TestBitrate: of an encoder that has such a control.
func TestBitrate(t *testing.T) {
	bitrate, quality := 3_000_000, 50
	h := newFakeHost(t, device.H264)
	h.about.Controls = []device.Control{{Name: controlBitrate, Type: "int", Min: 25_000, Max: 25_000_000}}
	h.buffers = stream(accessUnits24(t)...)
	src := h.source("format=h264&bitrate=1000000", &drop.Counters{})
	if err := configure(t, h, src, source.Settings{Bitrate: &bitrate}); err != nil {
		t.Error(err)
	}
	if _, err := h.play(src); err != nil {
		t.Error(err)
	}
	if got, _ := h.log(); got != "video_bitrate=1000000 video_bitrate=3000000 video_bitrate=3000000" {
		t.Errorf("set %s", got)
	}
	bitrate = 1
	for want, set := range map[string]source.Settings{"25000 to 25000000": {Bitrate: &bitrate},
		"delivers H.264": {Quality: &quality}} {
		if err := src.(source.Configurer).Configure(set); !errors.Is(err, source.ErrSetting) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
