package discover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// what writes a listing as tests compare it.
func what(list []listed) string {
	var b strings.Builder
	for _, cam := range list {
		fmt.Fprintf(&b, "%d %s %s", cam.index, cam.sensor, cam.id)
		for _, m := range cam.modes {
			fmt.Fprintf(&b, " %s", m.Pixel)
			for _, s := range m.Sizes {
				fmt.Fprintf(&b, ",%dx%d", s.Width, s.Height)
				for _, r := range s.Rates {
					fmt.Fprintf(&b, "@%v", r)
				}
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestListing: the form changed with the versions of rpicam-apps.
func TestListing(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"no camera",
			"[0:12:34.567890123] [1234]  INFO Camera camera_manager.cpp:326 libcamera v0.5.2+99-bfd68f78\n" +
				"No cameras available!\n", ""},
		{"November 2021",
			"Available cameras\n-----------------\n0 : ov5647 [2592x1944] (/base/soc/i2c0mux/i2c@1/ov5647@36)\n",
			"0 ov5647 /base/soc/i2c0mux/i2c@1/ov5647@36\n"},
		{"December 2021", `Available cameras
-----------------
0 : imx477 [4056x3040] (/base/soc/i2c0mux/i2c@1/imx477@1a)
    Modes: 'SRGGB10_CSI2P' : 1332x990 
           'SRGGB12_CSI2P' : 2028x1080 2028x1520 4056x3040 

`, "0 imx477 /base/soc/i2c0mux/i2c@1/imx477@1a SRGGB10_CSI2P,1332x990 SRGGB12_CSI2P,4056x3040,2028x1520,2028x1080\n"},
		{"July 2022", `Available cameras
-----------------
0 : ov5647 [2592x1944] (/base/soc/i2c0mux/i2c@1/ov5647@36)
    Modes: 'SGBRG10_CSI2P' : 640x480 [58.92 fps - (16, 0)/2560x1920 crop]
                             1296x972 [43.25 fps - (0, 0)/2592x1944 crop]
                             2592x1944 [15.63 fps - (0, 0)/2592x1944 crop]

`, "0 ov5647 /base/soc/i2c0mux/i2c@1/ov5647@36 SGBRG10_CSI2P,2592x1944@15.63,1296x972@43.25,640x480@58.92\n"},
		{"July 2023, two cameras on a Pi 5, compressed and monochrome",
			`[0:00:43.201957234] [1570]  INFO Camera camera_manager.cpp:284 libcamera v0.2.0
Available cameras
-----------------
0 : imx708_wide_noir [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)
    Modes: 'BGGR_PISP_COMP1' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                               4608x2592 [14.35 fps - (0, 0)/4608x2592 crop]
           'SRGGB10_CSI2P' : 4608x2592 [nan fps - (0, 0)/4608x2592 crop]

1 : imx296 [1456x1088 10-bit MONO] (/base/axi/pcie@120000/rp1/i2c@80000/imx296@1a)
    Modes: 'R10_CSI2P' : 1456x1088 [60.38 fps - (0, 0)/1456x1088 crop]

`, "0 imx708_wide_noir /base/axi/pcie@120000/rp1/i2c@88000/imx708@1a " +
				"BGGR_PISP_COMP1,4608x2592@14.35,1536x864@120.13 SRGGB10_CSI2P,4608x2592\n" +
				"1 imx296 /base/axi/pcie@120000/rp1/i2c@80000/imx296@1a R10_CSI2P,1456x1088@60.38\n"},
		{"verbose, with controls", `Available cameras
-----------------
0 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx219@10)
    Modes: 'SRGGB8' : 640x480 [206.65 fps - (1000, 752)/1280x960 crop]

    Available controls for 640x480 SRGGB8 mode:
    -------------------------------------------
    ExposureTime : [75..11766829]
    ScalerCrop : [(0, 0)/64x64..(0, 0)/3280x2464]

`, "0 imx219 /base/soc/i2c0mux/i2c@1/imx219@10 SRGGB8,640x480@206.65\n"},
		{"a webcam, an unknown size, an error at the end",
			`0 : HD Pro Webcam C920 [2304x1536] (/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1.2:1.0-046d:082d)
1 : Camera (front) ] (/base/soc/i2c0mux/i2c@1/x@1)
2 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx219@10)
    Modes: 'SRGGB8' : ERROR: *** failed to acquire camera 640x480 ***
`, "0 HD Pro Webcam C920 /base/scb/pcie@7d500000/pci@0,0/usb@0,0-1.2:1.0-046d:082d\n" +
				"1 Camera (front) /base/soc/i2c0mux/i2c@1/x@1\n2 imx219 /base/soc/i2c0mux/i2c@1/imx219@10 SRGGB8\n"},
		{"modes of no camera", "    Modes: 'SRGGB8' : 640x480\n 1640x1232 [41 fps]\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := what(parseListing(c.text)); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

// TestPiCameraChoice: a mode that is large enough and fast enough will do.
func TestPiCameraChoice(t *testing.T) {
	for modes, want := range map[string]string{
		"": "size=1280x720&fps=30",
		"'A' : 640x480 [200.00 fps - x]\n 1296x972 [43.25 fps - x]\n 2592x1944 [15.63 fps - x]\n": "size=1280x720&fps=30",
		"'A' : 640x480 [200.00 fps - x]\n 2592x1944 [15.63 fps - x]\n":                            "size=1280x720&fps=15.63",
		"'A' : 1332x990 \n":                              "size=1280x720&fps=30",
		"'A' : 1332x990 [nan fps - x]\n":                 "size=1280x720&fps=30",
		"'A' : 641x401 [60.00 fps - x]\n320x200 [9 fps]": "size=640x400&fps=30",
		"'A' : 1000x2000 [10.00 fps - x]\n":              "size=1000x720&fps=10",
	} {
		list := parseListing("0 : ov5647 [2592x1944] (/base/ov5647@36)\n    Modes: " + modes)
		if len(list) != 1 {
			t.Fatalf("%q: %v", modes, list)
		}
		if got := list[0].found(true).Use.Source; got != "rpicam:0#codec=h264&"+want {
			t.Errorf("%q: got %s, want %s", modes, got, want)
		}
	}
}

// TestEncoder: a Pi 5 has none, and the reason says so.
func TestEncoder(t *testing.T) {
	h := newHost(t)
	h.listing, h.listErr = csiPi4, nil
	without := h.find()[0]
	h.kernel("bcm2835-codec-encode", 11)
	with := h.find()[0]
	if with.Use.Why == without.Use.Why || !strings.Contains(with.Use.Why, "hardware encodes it") ||
		!strings.Contains(without.Use.Why, "no hardware encoder") {
		t.Errorf("with an encoder %q, without %q", with.Use.Why, without.Use.Why)
	}
}

func TestSensorTitle(t *testing.T) {
	for sensor, want := range map[string]string{
		"imx708":           "Raspberry Pi Camera Module 3 (imx708)",
		"imx708_wide_noir": "Raspberry Pi Camera Module 3 Wide NoIR (imx708_wide_noir)",
		"ov5647":           "Raspberry Pi Camera Module 1 (ov5647)", "imx519": "Raspberry Pi camera imx519",
	} {
		if got := sensorTitle(sensor); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// onPath makes a folder of programs the only one on PATH; each is a script of sh.
func onPath(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

// TestTools runs stand-ins for the programs of rpicam-apps.
func TestTools(t *testing.T) {
	const camera = "0 : imx219 [3280x2464] (/base/soc/imx219@10)"
	for _, c := range []struct {
		name    string
		scripts map[string]string
		want    string
		err     string
	}{
		{"none", nil, "", ErrNoTool.Error()},
		{"rpicam-hello", map[string]string{"rpicam-hello": `[ "$*" = --list-cameras ] && echo '` + camera + "'",
			"libcamera-hello": "exit 1"}, camera, ""},
		{"old name", map[string]string{"libcamera-hello": "echo '" + camera + "'"}, camera, ""},
		{"on stderr", map[string]string{"libcamera-hello": "echo '" + camera + "' >&2"}, camera, ""},
		{"without hello", map[string]string{"rpicam-vid": "echo '" + camera + "'"}, camera, ""},
		{"failing", map[string]string{"rpicam-hello": "echo '" + camera + "'; echo 'ERROR: *** no luck ***' >&2; exit 255"},
			camera,
			"rpicam-hello --list-cameras: exit status 255: ERROR: *** no luck ***"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onPath(t, c.scripts)
			text, err := listPiCameras(t.Context())
			if !strings.Contains(text, c.want) || (err == nil) != (c.err == "") || err != nil &&
				!strings.Contains(err.Error(), c.err) {
				t.Errorf("got %q, %v; want %q, %q", text, err, c.want, c.err)
			}
		})
	}
}

// TestToolHangs: a program that does not end is ended.
func TestToolHangs(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	started := filepath.Join(t.TempDir(), "started")
	onPath(t, map[string]string{"rpicam-hello": "echo > " + started + "; exec " + sleep + " 600"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := listPiCameras(ctx)
		ended <- err
	}()
	testutil.Eventually(t, "the program runs", func() bool {
		_, err := os.Stat(started)
		return err == nil
	})
	cancel()
	if err := testutil.Receive(t, "its end", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestTimeout: the other cameras are found all the same.
func TestTimeout(t *testing.T) {
	h := newHost(t)
	h.plug(0, webcam("1.1"))
	opts := h.options()
	opts.Timeout = 1 // nanosecond
	opts.PiCameras = func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	list, err := Cameras(t.Context(), opts)
	if err != nil || len(list) != 2 || list[0].Use == nil || list[1].Skipped != context.DeadlineExceeded.Error() {
		t.Errorf("%s, %v", short(list), err)
	}
}

func FuzzListing(f *testing.F) {
	f.Add(csiPi4)
	f.Add("0 : a (b)\n    Modes: 'x' : 1x1 [nan fps - (0, 0)/1x1 crop]\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, cam := range parseListing(text) {
			c := cam.found(false)
			if c.Use == nil || cam.sensor == "" || cam.id == "" {
				t.Errorf("%q: %+v", text, cam)
			}
		}
	})
}
