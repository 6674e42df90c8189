package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/agent"
	"github.com/bramble-cam/bramble/agent/internal/discover"
	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// host is a machine that a test made up.
type host struct {
	nodes   []device.Description
	denied  []string
	names   map[string]string // by node, as the kernel has them
	listing string            // of rpicam-hello
	err     error
}

// Nodes implements find.Devices.
func (h host) Nodes() ([]string, error) {
	list := append([]string(nil), h.denied...)
	for _, d := range h.nodes {
		list = append(list, d.Node)
	}
	for node := range h.names {
		list = append(list, node)
	}
	return list, h.err
}

// Describe implements find.Devices.
func (h host) Describe(node string) (device.Description, error) {
	for _, d := range h.nodes {
		if d.Node == node {
			return d, nil
		}
	}
	return device.Description{}, fmt.Errorf("%w: %s", source.ErrPermission, node)
}

func (h host) options(t *testing.T, links map[string]string) discover.Options {
	t.Helper()
	root := t.TempDir()
	for link, node := range links {
		path := filepath.Join(root, "/dev/v4l", link)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Symlink(node, path)); err != nil {
			t.Fatal(err)
		}
	}
	for _, node := range h.denied {
		path := filepath.Join(root, node)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for node, name := range h.names {
		dir := filepath.Join(root, "/sys/class/video4linux", filepath.Base(node))
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "name"), []byte(name+"\n"),
			0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return discover.Options{Devices: h, Root: root, PiCameras: func(context.Context) (string, error) {
		if h.listing == "" {
			return "", discover.ErrNoTool
		}
		return h.listing, nil
	}}
}

// pi is a Pi 4 with a Pi camera, a webcam that encodes, and a cheap one that does not.
func pi(t *testing.T) discover.Options {
	rates := []float64{30.00003, 15, 10, 7.5, 5}
	h := host{
		nodes: []device.Description{
			{
				Node: "/dev/video2", Driver: "uvcvideo", Card: "HD Pro Webcam C920", Bus: "usb-0000:01:00.0-1.1", Capture: true,
				Formats: []device.Format{
					{Pixel: device.YUYV, Sizes: []device.Size{{Width: 2304, Height: 1536, Rates: []float64{2}},
						{Width: 640, Height: 480, Rates: rates}}},
					{Pixel: device.H264, Sizes: []device.Size{{Width: 1920, Height: 1080, Rates: rates},
						{Width: 1280, Height: 720, Rates: rates}}},
					{Pixel: device.MJPEG, Sizes: []device.Size{{Width: 1920, Height: 1080, Rates: rates},
						{Width: 1280, Height: 720, Rates: rates}}},
					{Pixel: 'Z' | '1'<<8 | '6'<<16 | ' '<<24},
				},
				Controls: []device.Control{
					{Name: "brightness", Type: "int", Max: 255, Step: 1, Default: 128, Value: 120},
					{Name: "white_balance_automatic", Type: "bool", Max: 1, Step: 1, Default: 1, Value: 1},
					{Name: "auto_exposure", Type: "menu", Max: 3, Default: 3, Value: 3,
						Menu: []string{"", "Manual Mode", "", "Aperture Priority Mode"}},
					{Name: "exposure_time_absolute", Type: "int", Min: 3, Max: 2047, Step: 2, Default: 250, Value: 250,
						Inactive: true},
					{Name: "reset", Type: "button"},
				},
			},
			{Node: "/dev/video3", Driver: "uvcvideo", Card: "HD Pro Webcam C920", Bus: "usb-0000:01:00.0-1.1"},
			{
				Node: "/dev/video4", Driver: "uvcvideo", Card: "Cheap: 'eye'\r\u2028hub: x\n", Bus: "usb-0000:01:00.0-1.2",
				Capture: true,
				Formats: []device.Format{{Pixel: device.YUYV,
					Sizes: []device.Size{{Width: 640, Height: 480, Rates: []float64{30, 5}, Stepped: true}}}},
			},
		},
		names: map[string]string{
			"/dev/video0": "unicam-image", "/dev/video1": "unicam-embedded", "/dev/video10": "bcm2835-codec-decode",
			"/dev/video11": "bcm2835-codec-encode", "/dev/video12": "bcm2835-codec-isp",
			"/dev/video31": "bcm2835-codec-encode_image",
		},
		listing: "0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)\n" +
			"    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]\n" +
			" 2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]\n",
	}
	return h.options(t, map[string]string{
		"by-id/usb-046d_HD_Pro_Webcam_C920_9F6A0A6F-video-index0":                    "../../video2",
		"by-id/usb-046d_HD_Pro_Webcam_C920_9F6A0A6F-video-index1":                    "../../video3",
		"by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.1:1.0-video-index0": "../../video2",
		"by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.1:1.0-video-index1": "../../video3",
		"by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.2:1.0-video-index0": "../../video4",
	})
}

// screen takes output as a terminal does.
type screen struct{ bytes.Buffer }

// Stat is that of a terminal.
func (*screen) Stat() (os.FileInfo, error) { return os.Stat(os.DevNull) }

// output runs the command on a machine, on a terminal or into a file.
func output(t *testing.T, d devicesCommand, terminal bool) string {
	t.Helper()
	var out, stderr bytes.Buffer
	var tty screen
	var stdout io.Writer = &out
	if terminal {
		stdout = &tty
	}
	stdout = printable.NewWriter(stdout) // as run has it
	if err := d.run(t.Context(), &settings{Host: "pi4", Hub: defaultHub}, stdout, &stderr); err != nil ||
		stderr.Len() > 0 {
		t.Fatalf("%v, stderr %q", err, stderr.String())
	}
	return out.String() + tty.String()
}

// TestDevices compares what users see with testdata.
func TestDevices(t *testing.T) {
	denied := host{denied: []string{"/dev/video0", "/dev/video1"}}
	for file, d := range map[string]devicesCommand{
		"pi.txt":      {find: pi(t)},
		"verbose.txt": {find: pi(t), Verbose: true},
		"pi.yaml":     {find: pi(t)},
		"none.txt":    {find: host{}.options(t, nil)},
		"none.yaml":   {find: host{}.options(t, nil)},
		"denied.txt":  {find: denied.options(t, nil)},
		"no-cgo.txt":  {find: host{err: device.ErrNoSupport, denied: denied.denied}.options(t, nil)},
	} {
		t.Run(file, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Error(err)
			}
			if got := output(t, d, filepath.Ext(file) == ".txt"); got != string(want) {
				t.Errorf("testdata/%s is not what is printed:\n%s", file, got)
			}
		})
	}
}

// TestConfigFile: the printed file is taken as it is, and names every camera that was found, whatever the cameras
// call themselves.
func TestConfigFile(t *testing.T) {
	for name, opts := range map[string]discover.Options{"pi": pi(t), "none": host{}.options(t, nil)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "agent.yaml")
			if err := os.WriteFile(path, []byte(output(t, devicesCommand{find: opts, Verbose: true}, false)),
				0o600); err != nil {
				t.Fatal(err)
			}
			var c cli
			parser, err := kong.New(&c, config.Options("bramble-agent", "", "")...)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse([]string{"--config", path}); err != nil {
				t.Fatal(err)
			}
			opts.Host = "pi4"
			found, err := discover.Cameras(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			cameras, _ := splitUsable(found)
			if len(c.Camera) != len(cameras) {
				t.Fatalf("%q for %d cameras", c.Camera, len(cameras))
			}
			for i, f := range cameras {
				if c.Camera[i] != f.Name+"="+f.Use.Source {
					t.Errorf("got %q for %+v", c.Camera[i], f)
				}
			}
			cfg, err := c.agent(testutil.Log(t))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := agent.New(cfg); err != nil && (device.Supported || !errors.Is(err, device.ErrNoSupport)) {
				t.Error(err)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	var got struct{ Cameras, Skipped []discover.Camera }
	if err := json.Unmarshal([]byte(output(t, devicesCommand{find: pi(t), JSON: true}, false)), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Cameras) != 3 || len(got.Skipped) != 7 || got.Cameras[1].Use.Source == "" ||
		got.Cameras[1].Formats[2].Sizes[0].Width != 1920 || got.Skipped[0].Skipped == "" {
		t.Errorf("got %+v", got)
	}
	if text := output(t, devicesCommand{find: host{}.options(t, nil), JSON: true},
		true); text != "{\n  \"cameras\": [],\n  \"skipped\": []\n}\n" {
		t.Errorf("got %q", text)
	}
}

// TestSlow: one line on stderr, if it takes long.
func TestSlow(t *testing.T) {
	for _, c := range []struct {
		takes time.Duration
		says  bool
	}{{progressDelay - 1, false}, {progressDelay + 1, true}} {
		synctest.Test(t, func(t *testing.T) {
			opts := host{}.options(t, nil)
			opts.PiCameras = func(context.Context) (string, error) {
				<-time.After(c.takes)
				return "", discover.ErrNoTool
			}
			var stderr bytes.Buffer
			d := devicesCommand{find: opts}
			if err := d.run(t.Context(), &settings{Hub: defaultHub}, io.Discard, &stderr); err != nil {
				t.Fatal(err)
			}
			if got := strings.HasPrefix(stderr.String(), "Looking for cameras"); got != c.says {
				t.Errorf("after %v it said %q", c.takes, stderr.String())
			}
		})
	}
}

func TestDevicesFails(t *testing.T) {
	d := devicesCommand{find: host{err: errors.New("no /dev")}.options(t, nil)}
	if err := d.run(t.Context(), &settings{}, io.Discard, io.Discard); err == nil ||
		!strings.Contains(err.Error(), "looking for cameras: ") {
		t.Errorf("%v", err)
	}
}

// TestDevicesCommand runs it on this machine, whatever that has: exit code 0, and something on stdout.
func TestDevicesCommand(t *testing.T) {
	for flag, begins := range map[string]string{"--host=pi1": "# ", "--verbose": "# ", "--json": "{"} {
		var stdout, stderr bytes.Buffer
		if code := run([]string{"devices", flag}, nil, &stdout, &stderr); code != 0 || stdout.Len() == 0 ||
			!strings.HasPrefix(stdout.String(), begins) {
			t.Errorf("%s: exit code %d, said %q, %q", flag, code, stdout.String(), stderr.String())
		}
	}
}

// TestHubInConfig: an address that was given is in the file.
func TestHubInConfig(t *testing.T) {
	var b bytes.Buffer
	printConfig(&b, nil, &settings{Hub: "nats://it's:4222"})
	if want := "hub: 'nats://it''s:4222'\n"; !strings.HasPrefix(b.String(), want) {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "/dev/video3": "/dev/video3", "/dev/video9 /dev/video10 /dev/video11 /dev/video13": "/dev/video9-11,13",
		"/dev/video1 /dev/video3": "/dev/video1,3",
	} {
		if got := numbers(strings.Fields(in)); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

// TestEvilWebcam: a webcam may call itself what it likes. No terminal obeys it, and it invents no line of the
// configuration.
func TestEvilWebcam(t *testing.T) {
	const evil = "cam\x1b[2J\x1b]52;c;ZXZpbA==\x07\u202emac\r\nhub: nats://evil\u009b31m\u2028hub: x"
	h := host{nodes: []device.Description{{
		Node: "/dev/video0", Driver: evil, Card: evil, Bus: evil, Capture: true,
		Formats:  []device.Format{{Pixel: device.MJPEG, Title: evil, Sizes: []device.Size{{Width: 640, Height: 480}}}},
		Controls: []device.Control{{Name: evil, Type: "menu", Menu: []string{evil}}},
	}}}
	for _, d := range []devicesCommand{{}, {Verbose: true}, {JSON: true}} {
		d.find = h.options(t, nil)
		for _, terminal := range []bool{true, false} {
			for line := range strings.SplitSeq(output(t, d, terminal), "\n") {
				if !printable.Is(line) || strings.HasPrefix(line, "hub: nats://evil") || strings.HasPrefix(line, "hub: x") {
					t.Errorf("%+v: printed %q", d, line)
				}
			}
		}
	}
}
