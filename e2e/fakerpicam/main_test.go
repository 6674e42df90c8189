package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
)

// play runs the program with arguments, in a world made of pairs of variable and value, and returns what it writes.
func play(t *testing.T, name string, args string, world ...string) (status int, stdout, stderr string) {
	t.Helper()
	for i := 0; i < len(world); i += 2 {
		t.Setenv("BRAMBLE_FAKE_RPICAM"+world[i], world[i+1])
	}
	var out, errs bytes.Buffer
	status = program(name, strings.Fields(args), &out, &errs)
	return status, out.String(), errs.String()
}

// TestRefuses: what the original does not take or cannot do, this one refuses in the same words.
func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		args, want string
		world      []string
	}{
		{"--nonsense", "*** unrecognised option '--nonsense' ***", nil},
		{"-n -n", "option '--nopreview' cannot be specified more than once", nil},
		{"--width", "the required argument for option '--width' is missing", nil},
		{"--width x", "the argument ('x') for option '--width' is invalid", nil},
		{"stray", "too many positional options", nil},
		{"--no-raw", "unrecognised option '--no-raw'", []string{"_VERSION", "1.2.0"}},
		{"--low-latency", "unrecognised option '--low-latency'", []string{"_VERSION", "1.5.3"}},
		{"-o -", "cannot allocate output context, try setting with --libav-format", nil},
		{"--libav-format h264 -o - --save-pts /dev/null", "Incompatible options", nil},
		{"-o - --codec h265", "Unrecognised codec h265", nil},
		{"-o - --codec mjpeg --rotation 90", "transforms requiring transpose not supported", nil},
		{"-o - --codec h264 --level 9", "no such level 9", []string{"_PLATFORM", "vc4"}},
		{"-o - --camera 2", "selected camera is not available", nil},
		{"-o -", "no cameras available", []string{"_CAMERAS", ""}},
		{"-o -", "failed to acquire camera /base", []string{"", "busy"}},
		{"-o - --codec mjpeg", "Cannot allocate memory", []string{"", "memory"}},
		{"-o -", "currently only supports the Raspberry Pi platforms", []string{"_PLATFORM", "unknown"}},
		{"-o -", "see faults.go", []string{"", "crash"}},
		{"-o -", "must be vc4", []string{"_PLATFORM", "pc"}},
	} {
		t.Run(c.args+strings.Join(c.world, ""), func(t *testing.T) {
			if status, out, said := play(t, "rpicam-vid", c.args, c.world...); status != 255 ||
				!strings.Contains(said, c.want) || out != "" {
				t.Errorf("status %d, %d bytes, said %q, want %q", status, len(out), said, c.want)
			}
		})
	}
}

// TestListing holds --list-cameras against the format in which core/options.cpp of rpicam-apps writes it.
func TestListing(t *testing.T) {
	const want = `Available cameras
-----------------
0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/pcie@1000120000/rp1/i2c@88000/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]
                             4608x2592 [14.35 fps - (0, 0)/4608x2592 crop]

`
	if status, out, _ := play(t, "rpicam-hello", "--list-cameras", "_CAMERAS", "imx708"); status != 0 || out != want {
		t.Errorf("status %d:\n%s", status, out)
	}
	if _, out, _ := play(t, "rpicam-hello", "--list-cameras", "_CAMERAS", ""); out != "No cameras available!\n" {
		t.Errorf("without cameras: %s", out)
	}
	if _, out, _ := play(t, "rpicam-hello", "--list-cameras", "_CAMERAS", "imx219,ov5647"); !strings.Contains(out,
		"\n1 : ov5647 [") || !strings.Contains(out, "           'SRGGB10_CSI2P' : ") {
		t.Errorf("two cameras:\n%s", out)
	}
}

// TestH264: the pictures are real, and a key frame with its parameter sets comes when it was asked for.
func TestH264(t *testing.T) {
	for _, c := range []struct {
		args, platform string
		slices         int
		inline         bool
		intra          int
	}{
		{"--inline --intra 10", "vc4", 1, true, 10},
		{"--intra 25", "vc4", 1, false, 25},
		{"--inline --intra 90 --low-latency --libav-format h264", "pisp", 4, true, 30}, // the clip has no more
	} {
		t.Run(c.args, func(t *testing.T) {
			status, out, said := play(t, "rpicam-vid", "-n -t 0 --frames 70 -o - "+c.args, "", "fast", "_PLATFORM", c.platform)
			if status != 0 {
				t.Fatal(said)
			}
			var norm h264.Normalizer
			pictures := split([]byte(out))
			if len(pictures) != 70 {
				t.Fatalf("%d pictures", len(pictures))
			}
			for n, p := range pictures {
				wire, info, err := norm.Normalize(nil, p.data)
				if err != nil || info.Key != (n%c.intra == 0) || info.Key && info.Width != 320 {
					t.Fatalf("picture %d: %+v, %v", n, info, err)
				}
				nalus := 0
				for range h264.NALUs(wire) {
					nalus++
				}
				if hasSets := p.sets > 0; hasSets != (n == 0 || c.inline && info.Key) || info.Key && nalus != 2+c.slices ||
					!info.Key && nalus != c.slices {
					t.Errorf("picture %d: %d NALUs, parameter sets %v", n, nalus, hasSets)
				}
			}
		})
	}
}

// TestMJPEG: pictures of the size that was asked for, smaller at a lower quality, and a line for each.
func TestMJPEG(t *testing.T) {
	lines := filepath.Join(t.TempDir(), "pts")
	sizes := map[string]int{}
	for _, quality := range []string{"20", "90"} {
		_, out, _ := play(t, "rpicam-vid",
			"-t 0 --codec mjpeg --width 322 --height 240 --framerate 40 --frames 12 --flush -o - --save-pts "+lines+" -q "+
				quality, "", "fast")
		sizes[quality] = len(out)
		count := 0
		for rest := []byte(out); len(rest) > 0; count++ {
			var s jpeg.Scanner
			n, err := s.Scan(rest)
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
			if w, h, err := jpeg.Check(rest[:n]); err != nil || w != 322 || h != 240 {
				t.Fatal(w, h, err)
			}
			rest = rest[n:]
		}
		if count != 12 {
			t.Errorf("%d pictures", count)
		}
	}
	if sizes["20"] >= sizes["90"] {
		t.Errorf("bytes by quality: %v", sizes)
	}
	text, err := os.ReadFile(lines)
	if want := "# timecode format v2\n0.000\n25.000\n50.000\n"; err != nil || !strings.HasPrefix(string(text), want) ||
		strings.Count(string(text), "\n") != 13 {
		t.Errorf("times %q, %v", text, err)
	}
}

func TestVersion(t *testing.T) {
	for version, want := range map[string]string{"1.2.0": "libcamera-apps build: 5", "1.5.0": "rpicam-apps build: 5",
		"1.9.0": "rpicam-apps build: v1.9.0 "} {
		if _, out, _ := play(t, "rpicam-vid", "--version", "_VERSION", version); !strings.HasPrefix(out, want) {
			t.Errorf("%s: %s", version, out)
		}
	}
	if _, out, _ := play(t, "rpicam-vid", "--help", "_VERSION", "1.5.0"); !strings.Contains(out, "--no-raw") ||
		strings.Contains(out, "--low-latency") {
		t.Error(out)
	}
}
