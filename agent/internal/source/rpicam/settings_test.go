package rpicam

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

func parsePi(t *testing.T, spec string) (*camera, error) {
	t.Helper()
	src, err := source.Registry{"rpicam": New}.Parse("porch", spec,
		source.Env{Drops: &drop.Counters{}, Log: testutil.Log(t)})
	if err != nil {
		return nil, err
	}
	return src.(*camera), nil
}

func TestParseRPiCam(t *testing.T) {
	for spec, want := range map[string]settings{
		"rpicam:":  {codec: frame.H264, width: 1280, height: 720, fps: 30, bitrate: 2_000_000},
		"rpicam:1": {camera: 1, codec: frame.H264, width: 1280, height: 720, fps: 30, bitrate: 2_000_000},
		"rpicam:0#codec=mjpeg&size=640x480&fps=7.5&quality=30&rotation=180&hflip=1&vflip=true&warmup=1s": {
			codec: frame.JPEG, width: 640, height: 480, fps: 7.5, quality: 30, rotation: 180, hflip: true, vflip: true,
			warmup: time.Second},
		"rpicam:2#bitrate=25000000&intra=5&hflip=0&args=--awb indoor  --ev '-0.5'": {
			camera: 2, codec: frame.H264, width: 1280, height: 720, fps: 30, bitrate: 25_000_000, intra: 5,
			args: []string{"--awb", "indoor", "--ev", "-0.5"}},
	} {
		r, err := parsePi(t, spec)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if fmt.Sprint(r.set) != fmt.Sprint(want) || r.Format() != want.codec {
			t.Errorf("%s: %+v, want %+v", spec, r.set, want)
		}
	}
}

func TestParseRPiCamErrors(t *testing.T) {
	for spec, want := range map[string]string{
		"rpicam:x":                          "bramble-agent devices",
		"rpicam:-1":                         "which camera?",
		"rpicam:/dev/video0":                "v4l2:",
		"rpicam:0#codec=h265":               "codec=h265: must be h264 or mjpeg",
		"rpicam:0#size=641x480":             "even",
		"rpicam:0#size=100000x100":          "16384",
		"rpicam:0#fps=0":                    "fps=0: must be a number from 0.2 to 240",
		"rpicam:0#fps=NaN":                  "fps=NaN",
		"rpicam:0#bitrate=24999":            "25000",
		"rpicam:0#bitrate=2e9":              "25000000",
		"rpicam:0#codec=mjpeg&bitrate=2000": "quality (1 to 100)",
		"rpicam:0#codec=mjpeg&intra=2":      "codec=h264",
		"rpicam:0#quality=50":               "codec=mjpeg",
		"rpicam:0#codec=mjpeg&quality=0":    "quality=0",
		"rpicam:0#rotation=90":              "0 or 180",
		"rpicam:0#rotation=270":             "0 to 180",
		"rpicam:0#hflip=maybe":              "1 or 0",
		"rpicam:0#warmup=5":                 "500ms",
		"rpicam:0#format=h264":              `unknown option "format"`,
		"rpicam:0#args=--width 100":         "use size instead",
		"rpicam:0#args=-b 5":                "use bitrate instead",
		"rpicam:0#args=-o x":                "not allowed",
		"rpicam:0#args=--output=x":          "not allowed",
		"rpicam:0#args='x":                  "no counterpart",
	} {
		if _, err := parsePi(t, spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", spec, err, want)
		}
	}
}

func TestSplitWords(t *testing.T) {
	for in, want := range map[string][]string{
		"": nil, "  ": nil, "a": {"a"}, " a  b\tc\n": {"a", "b", "c"}, `'a b' "c d"`: {"a b", "c d"}, `a' b'c`: {"a bc"},
		`''`: {""}, `a\ b "\"" '\'`: {"a b", `"`, `\`}, `"it's"`: {"it's"}, `é 'ü ß'`: {"é", "ü ß"},
	} {
		if got, err := splitWords(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{`'`, `"a`, `a\`, `'a"`} {
		if got, err := splitWords(in); err == nil {
			t.Errorf("%q: %q and no error", in, got)
		}
	}
}

// TestArgv holds the command lines against those that were read out of rpicam-apps, argument by argument.
func TestArgv(t *testing.T) {
	const common = "-n -t 0 --camera 0 --width 1280 --height 720 --framerate 30 --flush --denoise cdn_off "
	for _, c := range []struct {
		name, spec, version string
		hardware            bool
		want                string
	}{
		{"Pi 0 to 4", "rpicam:0", "1.9.0", true,
			common + "--no-raw --buffer-count 4 --codec h264 --inline --intra 30 --bitrate 2000000 --profile high --level 4.1 " +
				"--save-pts /dev/fd/3 -o -"},
		{"Pi 0 to 4, Bullseye", "rpicam:0", "1.2.0", true,
			common + "--buffer-count 4 --codec h264 --inline --intra 30 --bitrate 2000000 --profile high --level 4.1 " +
				"--save-pts /dev/fd/3 -o -"},
		{"MJPEG", "rpicam:0#codec=mjpeg", "1.9.0", false,
			common + "--no-raw --buffer-count 4 --codec mjpeg --quality 60 --save-pts /dev/fd/3 -o -"},
		{"Pi 5", "rpicam:0", "1.8.0", false,
			common + "--no-raw --buffer-count 4 --codec h264 --inline --intra 30 --bitrate 2000000 --low-latency " +
				"--save-pts /dev/fd/3 -o DIR/cam.h264"},
		{"Pi 5, 1.7", "rpicam:0", "1.7.9", false,
			common + "--no-raw --buffer-count 4 --codec h264 --libav-format h264 --inline --intra 30 --bitrate 2000000 " +
				"--low-latency -o -"},
		{"Pi 5, 1.5", "rpicam:0", "1.5.3", false,
			common + "--no-raw --buffer-count 4 --codec h264 --libav-format h264 --inline --intra 30 --bitrate 2000000 -o -"},
		{"everything",
			"rpicam:2#size=640x480&fps=7.5&rotation=180&hflip=1&vflip=1&bitrate=300000&" +
				"intra=3&args=--awb 'in door' --denoise=cdn_hq --buffer-count 6", "1.13.0",
			true, "-n -t 0 --camera 2 --width 640 --height 480 --framerate 7.5 --flush --no-raw " +
				"--rotation 180 --hflip --vflip --codec h264 --inline --intra 3 " +
				"--bitrate 300000 --profile high --level 4.1 --save-pts /dev/fd/3 -o - " +
				"--awb in_door --denoise=cdn_hq --buffer-count 6"},
	} {
		r, err := parsePi(t, c.spec)
		if err != nil {
			t.Fatal(err)
		}
		p := newPi(t, "")
		p.env["_VERSION"] = c.version
		src := p.source(c.spec)
		tool, err := findTool(t.Context(), src.host, src.env.Log)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := makePlan(tool, host{hardware: func() (bool, error) { return c.hardware, nil }}, r.set)
		if err != nil {
			t.Fatal(err)
		}
		args := plan.argv(r.set, "DIR/cam.h264")
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], " ", "_")
		}
		if got := strings.Join(args, " "); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.name, got, c.want)
		}
	}
}

// TestFindRPiCam: what a version can do is known by its number, or by its options where it tells none.
func TestFindRPiCam(t *testing.T) {
	for version, want := range map[string]tool{
		"1.1.0":  {},
		"1.2.2":  {},
		"1.3.0":  {noRaw: true},
		"1.5.2":  {noRaw: true},
		"1.5.3":  {version: "1.5.3", noRaw: true},
		"1.6.0":  {version: "1.6.0", noRaw: true, lowLatency: true},
		"1.7.0":  {version: "1.7.0", noRaw: true, lowLatency: true},
		"1.8.0":  {version: "1.8.0", noRaw: true, lowLatency: true, elementary: true},
		"1.13.0": {version: "1.13.0", noRaw: true, lowLatency: true, elementary: true},
		"2.0.0":  {version: "2.0.0", noRaw: true, lowLatency: true, elementary: true},
	} {
		p := newPi(t, "")
		p.env["_VERSION"] = version
		r := p.source("rpicam:0")
		r.host.programs = append([]string{"rpicam-none"}, r.host.programs...) // only the second name is there
		got, err := findTool(t.Context(), r.host, r.env.Log)
		if err != nil {
			t.Errorf("%s: %v", version, err)
			continue
		}
		want.path = r.host.programs[1]
		if *got != want {
			t.Errorf("%s: %+v, want %+v", version, *got, want)
		}
	}
}

func TestConfigureRefuses(t *testing.T) {
	fps, bitrate, quality := 5.0, 100_000, 20
	zero, much, none := 0.0, 2_000_000_000, 0
	for _, c := range []struct {
		codec string
		set   source.Settings
		want  string // "": taken
	}{
		{"h264", source.Settings{FPS: &fps, Bitrate: &bitrate}, ""},
		{"mjpeg", source.Settings{Quality: &quality}, ""},
		{"mjpeg", source.Settings{Bitrate: &bitrate}, "set quality"},
		{"h264", source.Settings{Quality: &quality}, "H.264 has a bitrate"},
		{"h264", source.Settings{FPS: &zero}, "from 0.2 to 240"},
		{"h264", source.Settings{FPS: &fps, Bitrate: &much}, "from 25000 to 25000000"},
		{"mjpeg", source.Settings{Quality: &none}, "from 1 to 100"},
		{"mjpeg", source.Settings{FPS: &fps, Controls: map[string]int64{"brightness": 1}}, "args"},
	} {
		r, err := parsePi(t, "rpicam:0#codec="+c.codec)
		if err != nil {
			t.Fatal(err)
		}
		before := r.settings()
		err = r.Configure(c.set)
		after := r.settings()
		switch changed := fmt.Sprint(before) != fmt.Sprint(after); {
		case c.want == "" && (err != nil || !changed):
			t.Errorf("%s: %v, settings %+v", c.codec, err, after)
		case c.want != "" && (!errors.Is(err, source.ErrSetting) || !strings.Contains(err.Error(), c.want) || changed):
			t.Errorf("%s: error %v, want %q; settings %+v", c.codec, err, c.want, after)
		}
	}
	if r, err := parsePi(t, "rpicam:0"); err != nil || r.Controls() != nil || r.MaxBackoff() != maxBackoff {
		t.Error(err)
	}
}
