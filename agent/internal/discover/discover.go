// Package discover finds the cameras of this machine. It says how to use each, and why a device is not used.
package discover

import (
	"cmp"
	"context"
	"os"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/shared/status"
)

// Kinds of Camera, which are the kinds of sources too.
const (
	V4L2   = "v4l2"   // what has a /dev/video node
	RPiCam = "rpicam" // cameras at the ribbon cable of a Raspberry Pi, through rpicam-vid
)

// Camera is a camera, or a device that looks like one and is not used: one of Use and Skipped is there.
type Camera struct {
	Kind   string   `json:"kind"`
	Title  string   `json:"title"`            // its name for people; never empty
	Name   string   `json:"name,omitempty"`   // a unique camera id for it; empty if skipped
	Stable string   `json:"stable"`           // a path or libcamera's id; survives replugging and reboots
	Links  []string `json:"links,omitempty"`  // other links to Node
	Node   string   `json:"node,omitempty"`   // /dev/video0, or another one next time
	Driver string   `json:"driver,omitempty"` // for example uvcvideo
	Bus    string   `json:"bus,omitempty"`    // for example usb-0000:01:00.0-1.2
	// as the device lists them; of RPiCam the modes of the sensor
	Formats      []Format         `json:"formats,omitempty"`
	Controls     []status.Control `json:"controls,omitempty"` // settings
	Use          *Option          `json:"use,omitempty"`      // how to use it
	Alternatives []Option         `json:"instead,omitempty"`  // other ways that make sense
	Skipped      string           `json:"skipped,omitempty"`  // why it is not used, with the remedy if there is one

	key   string // what tells it from others as long as it stays plugged in where it is
	order string // where it stands among its kind
}

// Format is one pixel format, or one sensor mode's.
type Format struct {
	Pixel string `json:"pixel"`           // its four characters, for example MJPG; of a sensor libcamera's name
	Title string `json:"title,omitempty"` // the driver's name for it
	Sizes []Size `json:"sizes"`           // largest first
}

// Size is one frame size of a format.
type Size struct {
	Width   int       `json:"width"`             // in pixels
	Height  int       `json:"height"`            // in pixels
	Stepped bool      `json:"stepped,omitempty"` // sizes up to this one are possible too
	Rates   []float64 `json:"rates,omitempty"`   // frames per second, highest first; of a sensor its highest
}

// Option is one way to use a camera.
type Option struct {
	Source string `json:"source"` // as a setting takes it: kind:rest#option=value
	What   string `json:"what"`   // the same in words, for example "MJPEG 1280x720, 30 fps"
	Why    string `json:"why"`
}

// Devices are the V4L2 devices of a machine.
type Devices interface {
	// Nodes returns the paths of the nodes.
	Nodes() ([]string, error)

	// Describe asks the device behind a node what it is.
	Describe(node string) (device.Description, error)
}

// Options say where to look. The zero value is this machine.
type Options struct {
	Host    string        // what the cameras' names begin with; "" means the host's name
	Devices Devices       // nil means those of package device
	Root    string        // folder that has dev and sys; "" means /
	Timeout time.Duration // how long to wait for the list of Pi cameras; 0 means 10 s

	// PiCameras returns what rpicam-hello --list-cameras prints, or an error that wraps ErrNoTool. nil means to run it.
	PiCameras func(context.Context) (string, error)
}

// Finder scans repeatedly. A camera keeps its name, and no other camera gets it, also when another one of its model
// comes or goes. Then the camera's source may change, if it takes another link to tell the two apart. A Finder
// belongs to one goroutine.
type Finder struct {
	opts            Options
	names           map[string]string // by key, of every camera ever seen
	lastFingerprint string            // fingerprint before the last look

	pi      []Camera // Pi cameras, or what is wrong with them, as last asked for
	sensors int      // nodes of Pi cameras at that time; -1 if they were not asked for yet
}

// New returns a Finder that has not looked yet.
func New(opts Options) *Finder {
	if opts.Devices == nil {
		opts.Devices = localDevices{}
	}
	if opts.Root == "" {
		opts.Root = "/"
	}
	opts.Timeout = cmp.Or(opts.Timeout, 10*time.Second)
	if opts.PiCameras == nil {
		opts.PiCameras = listPiCameras
	}
	if opts.Host == "" {
		opts.Host, _ = os.Hostname() // without one the names have no host in front
	}
	return &Finder{opts: opts, names: map[string]string{}, sensors: -1}
}

// Cameras looks once, as New(opts).Cameras does.
func Cameras(ctx context.Context, opts Options) ([]Camera, error) { return New(opts).Cameras(ctx) }

// Cameras returns the cameras, Pi cameras first, and then what is skipped. The order is the same each time, whatever
// the order of the nodes' numbers. What fails at one device is its Skipped; an error means that nothing could be
// found out at all, or that ctx ended.
func (f *Finder) Cameras(ctx context.Context) ([]Camera, error) {
	f.lastFingerprint = f.fingerprint()
	list, err := f.v4l2()
	if err != nil {
		return nil, err
	}
	list = append(f.piCameras(ctx, list), list...)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b Camera) int {
		if both := rank(a) + rank(b); both != 0 {
			return cmp.Or(rank(a)-rank(b), natural(a.Node, b.Node))
		}
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), natural(a.order, b.order), natural(a.Node, b.Node))
	})
	f.name(list)
	return list, nil
}

// Changed is true if a camera was plugged in or out since the last look, or if none was taken yet. It opens no
// device. It waits until a new node is a second old: udev needs a moment to grant permission and to make the links.
func (f *Finder) Changed() bool {
	return f.lastFingerprint == "" || f.fingerprint() != f.lastFingerprint && f.settled()
}

// rank sorts cameras before skipped devices.
func rank(f Camera) int {
	if f.Use == nil {
		return 1
	}
	return 0
}

func usable(f Camera) bool { return f.Use != nil }

// localDevices is this machine.
type localDevices struct{}

func (localDevices) Nodes() ([]string, error)                         { return device.Nodes() }
func (localDevices) Describe(node string) (device.Description, error) { return device.Describe(node) }
