package discover

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a machine that a test made up: folders as udev and the kernel make them, and devices that describe
// themselves.
type host struct {
	t       *testing.T
	root    string
	devices map[string]described
	listing string // of rpicam-hello
	listErr error
	lists   int   // calls of rpicam-hello
	err     error // of Nodes
	asked   []string
}

type described struct {
	device.Description
	err error
}

func newHost(t *testing.T) *host {
	return &host{t: t, root: t.TempDir(), devices: map[string]described{}, listErr: ErrNoTool}
}

// Nodes implements Devices. The order is not that of the numbers: nothing may depend on it.
func (h *host) Nodes() ([]string, error) {
	var list []string
	for node := range h.devices {
		list = append(list, node)
	}
	return list, h.err
}

// Describe implements Devices.
func (h *host) Describe(node string) (device.Description, error) {
	h.asked = append(h.asked, node)
	d, ok := h.devices[node]
	if !ok {
		return device.Description{}, fmt.Errorf("%w: %s", source.ErrGone, node)
	}
	return d.Description, d.err
}

func (h *host) options() Options {
	return Options{
		Host: "pi4", Devices: h, Root: h.root,
		PiCameras: func(context.Context) (string, error) {
			h.lists++
			return h.listing, h.listErr
		},
	}
}

func (h *host) find() []Camera {
	h.t.Helper()
	return look(h.t, New(h.options()))
}

func look(t *testing.T, f *Finder) []Camera {
	t.Helper()
	list, err := f.Cameras(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// plug adds a node with its links, each the end of a path such as by-id/NAME.
func (h *host) plug(number int, d described, links ...string) {
	h.t.Helper()
	d.Node = fmt.Sprintf("/dev/video%d", number)
	h.devices[d.Node] = d
	h.write(d.Node, "")
	h.age(d.Node, time.Minute)
	for _, l := range links {
		path := filepath.Join(h.root, "/dev/v4l", l)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			h.t.Fatal(err)
		}
		_ = os.Remove(path) // as udev does: the last one plugged gets the link
		if err := os.Symlink(fmt.Sprintf("../../video%d", number), path); err != nil {
			h.t.Fatal(err)
		}
	}
}

// kernel adds nodes that only the kernel names.
func (h *host) kernel(name string, numbers ...int) {
	for _, n := range numbers {
		h.plug(n, described{err: source.ErrPermission}) // opening it fails the test
		h.write(fmt.Sprintf("/sys/class/video4linux/video%d/name", n), name+"\n")
	}
}

func (h *host) unplug(number int, links ...string) {
	node := fmt.Sprintf("/dev/video%d", number)
	delete(h.devices, node)
	for _, path := range append(links, node) {
		if path != node {
			path = filepath.Join("/dev/v4l", path)
		}
		if err := os.Remove(filepath.Join(h.root, path)); err != nil {
			h.t.Fatal(err)
		}
	}
}

// age makes a file so old.
func (h *host) age(path string, age time.Duration) {
	h.t.Helper()
	if err := os.Chtimes(filepath.Join(h.root, path), time.Time{}, time.Now().Add(-age)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) write(path, text string) {
	h.t.Helper()
	path = filepath.Join(h.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// webcam is like a Logitech C920 at a USB port.
func webcam(port string) described {
	rates := []float64{30.00003, 24, 20, 15, 10, 7.5, 5}
	sizes := []device.Size{
		{Width: 2304, Height: 1536, Rates: []float64{2}}, {Width: 1920, Height: 1080, Rates: rates},
		{Width: 1280, Height: 720, Rates: rates},
		{Width: 864, Height: 480, Rates: rates}, {Width: 640, Height: 480, Rates: rates},
		{Width: 160, Height: 90, Rates: rates},
	}
	return described{Description: device.Description{
		Driver: "uvcvideo", Card: "HD Pro Webcam C920: HD Pro Webc", Bus: "usb-0000:01:00.0-" + port, Capture: true,
		Formats: []device.Format{
			{Pixel: device.YUYV, Title: "YUYV 4:2:2", Sizes: sizes},
			{Pixel: device.MJPEG, Title: "Motion-JPEG", Sizes: sizes[1:]},
		},
		Controls: []device.Control{
			{Name: "brightness", Type: "int", Max: 255, Step: 1, Default: 128, Value: 100},
			{Name: "firmware", Type: "int", ReadOnly: true},
		},
	}}
}

func metadata(of described) described {
	of.Capture, of.Formats, of.Controls = false, nil, nil
	return of
}

// offers returns a device with these formats.
func offers(driver, card string, formats ...device.Format) described {
	return described{Description: device.Description{Driver: driver, Card: card, Bus: "platform:" + card, Capture: true,
		Formats: formats}}
}

func sized(pixel device.PixelFormat, sizes ...device.Size) device.Format {
	return device.Format{Pixel: pixel, Sizes: sizes}
}

func px(width, height int, rates ...float64) device.Size {
	return device.Size{Width: width, Height: height, Rates: rates}
}

func stepped(s device.Size) device.Size {
	s.Stepped = true
	return s
}
