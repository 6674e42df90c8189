//go:build linux && cgo

package device

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"

	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"
)

// Describing and setting up a device goes through go4vl, below steady. The buffers, the events, the list of controls
// and the frame intervals are asked for by ioctls of this package: go4vl's lose the error number, map buffers for
// good if one fails, know no flags, or read the wrong bytes.

// Supported tells whether this program can open V4L2 cameras.
const Supported = true

type platform struct {
	path  string
	cfg   Config
	given Negotiated
	fd    int

	frame []byte // reused copy of a buffer; belongs to Run

	mu     sync.RWMutex // held for reading while other goroutines than the owner's use fd
	closed bool
}

// Open opens a device and sets format and rate. What the driver made of them is in Negotiated.
func Open(cfg Config) (*Device, error) {
	var d *platform
	var err error
	onStableStack(func() { d, err = open(cfg) })
	if err != nil {
		return nil, err
	}
	return &Device{d}, nil
}

func open(cfg Config) (*platform, error) {
	fd, err := openNode(cfg.Path)
	if err != nil {
		return nil, err
	}
	d := &platform{path: cfg.Path, cfg: cfg, fd: fd}
	if err := d.setUp(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func openNode(path string) (int, error) {
	fd, err := v4l2.OpenDevice(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fault(path, "open", withoutPath(err), func() bool { return true })
	}
	return int(fd), nil
}

// withoutPath leaves the error number of an os.PathError: fault names the path itself.
func withoutPath(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (d *platform) setUp() error {
	about, err := v4l2.GetCapability(uintptr(d.fd))
	if err != nil {
		return d.fault("query", err)
	}
	if !captures(about) {
		return fmt.Errorf("%w: %s: %q by driver %s does not capture video by itself: an encoder, a metadata node, a "+
			"part of the Pi camera (use rpicam: for it), "+
			"or a loopback device that no program writes to", ErrNotCamera, d.path, about.Card, about.Driver)
	}
	if err := d.setTimings(); err != nil {
		return err
	}
	if err := d.setFormat(); err != nil {
		return err
	}
	return d.setRate()
}

// setTimings has an HDMI adapter capture what comes in: until it is told to, it goes on with the timings of an
// earlier signal. Cameras have none.
func (d *platform) setTimings() error {
	timings := new(cTimings)
	switch err := ioctl(d.fd, vidiocQueryTimings, timings); {
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.ENODATA), errors.Is(err, unix.EINVAL):
		return nil
	case errors.Is(err, unix.ENOLINK), errors.Is(err, unix.ENOLCK), errors.Is(err, unix.ERANGE):
		return fmt.Errorf("%w: %s: %w; is the HDMI source on, and does it send what the adapter takes?", ErrNoSignal,
			d.path, err)
	case err != nil:
		return d.fault("query the video signal", err)
	}
	if err := ioctl(d.fd, vidiocSetTimings, timings); err != nil {
		return d.fault("follow the video signal", err)
	}
	return nil
}

// setFormat asks for the format, or for its twin if only that is offered, and takes the size that the driver makes of
// it.
func (d *platform) setFormat() error {
	offered, err := pixelFormats(d.fd)
	if err != nil {
		return d.fault("list formats", err)
	}
	pixel, ok := choose(d.cfg.Pixel, offered)
	if !ok {
		return d.refused(offered)
	}
	want := v4l2.PixFormat{PixelFormat: uint32(pixel), Field: v4l2.FieldAny,
		Width: uint32(d.cfg.Width), Height: uint32(d.cfg.Height)} //nolint:gosec // at most five digits each
	if err := v4l2.SetPixFormat(uintptr(d.fd), want); err != nil {
		return d.fault(fmt.Sprintf("set format %s %dx%d", pixel, d.cfg.Width, d.cfg.Height), err)
	}
	got, err := v4l2.GetPixFormat(uintptr(d.fd))
	if err != nil {
		return d.fault("get format", err)
	}
	if got.Width == 0 || got.Height == 0 {
		return fmt.Errorf("%w: %s: the driver answers with a size of %dx%d pixels", ErrNoSignal, d.path, got.Width,
			got.Height)
	}
	if PixelFormat(got.PixelFormat) != pixel {
		return d.refused(offered)
	}
	d.given = Negotiated{
		Pixel: pixel, Width: int(got.Width), Height: int(got.Height),
		Stride: int(got.BytesPerLine), SizeImage: int(got.SizeImage),
		// V4L2's rule for what the driver leaves open: YCbCr has the limited range, but not that of JPEG.
		FullRange: got.Quantization == v4l2.QuantizationFullRange ||
			got.Quantization == v4l2.QuantizationDefault && got.Colorspace == v4l2.ColorspaceJPEG,
	}
	return nil
}

func (d *platform) refused(offered []PixelFormat) error {
	names := make([]string, len(offered))
	for i, p := range offered {
		names[i] = p.String()
	}
	return fmt.Errorf("%w: %s: %s; it offers %s", ErrFormat, d.path, d.cfg.Pixel, strings.Join(names, ", "))
}

// choose picks what to ask for: MJPEG and JPEG name the same thing.
func choose(want PixelFormat, offered []PixelFormat) (PixelFormat, bool) {
	twin := want
	switch want {
	case MJPEG:
		twin = JPEG
	case JPEG:
		twin = MJPEG
	}
	found := false
	for _, p := range offered {
		if p == want {
			return p, true
		}
		found = found || p == twin
	}
	return twin, found
}

// setRate asks for a frame rate, if the driver knows one, and reads what it made of it.
func (d *platform) setRate() error {
	param, err := v4l2.GetStreamParam(uintptr(d.fd), v4l2.BufTypeVideoCapture)
	switch {
	case errors.Is(err, v4l2.ErrorBadArgument), errors.Is(err, v4l2.ErrorUnsupported):
		return nil
	case err != nil:
		return d.fault("get frame rate", err)
	}
	if d.cfg.FPS > 0 && param.Capture.Capability&v4l2.StreamParamTimePerFrame != 0 {
		want := v4l2.StreamParam{Capture: v4l2.CaptureParam{TimePerFrame: interval(d.cfg.FPS)}}
		if err := v4l2.SetStreamParam(uintptr(d.fd), v4l2.BufTypeVideoCapture, want); err != nil &&
			!errors.Is(err, v4l2.ErrorBadArgument) {
			return d.fault(fmt.Sprintf("set %v fps", d.cfg.FPS), err)
		}
		if param, err = v4l2.GetStreamParam(uintptr(d.fd), v4l2.BufTypeVideoCapture); err != nil {
			return d.fault("get frame rate", err)
		}
	}
	d.given.FPS = rate(param.Capture.TimePerFrame.Numerator, param.Capture.TimePerFrame.Denominator)
	return nil
}

// interval is the time between frames in seconds, as a fraction: 1/30, or 1000/29970 for 29.97.
func interval(fps float64) v4l2.Fract {
	if whole := math.Round(fps); math.Abs(fps-whole) < 1e-6 && whole >= 1 {
		return v4l2.Fract{Numerator: 1, Denominator: uint32(whole)}
	}
	return v4l2.Fract{Numerator: 1000, Denominator: max(1, uint32(math.Round(fps*1000)))}
}

// rate is the reverse; 0 if the driver does not tell.
func rate(numerator, denominator uint32) float64 {
	if numerator == 0 {
		return 0
	}
	return float64(denominator) / float64(numerator)
}

// Negotiated returns what the driver made of the Config.
func (d *platform) Negotiated() Negotiated { return d.given }

// Close releases the device. Run must have returned. A second Close does nothing.
func (d *platform) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	if err := v4l2.CloseDevice(uintptr(d.fd)); err != nil {
		return fmt.Errorf("%s: close: %w", d.path, err)
	}
	return nil
}

// use calls f on the open device, from whatever goroutine: Close waits for it.
func (d *platform) use(f func() error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return fmt.Errorf("%s: %w", d.path, os.ErrClosed)
	}
	var err error
	onStableStack(func() { err = f() })
	return err
}
