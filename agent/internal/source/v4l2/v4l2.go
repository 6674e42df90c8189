// Package v4l2 is the source "v4l2:": cameras and capture cards with a /dev/video node, through package device.
package v4l2

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/internal/hostclock"
	"github.com/bramble-cam/bramble/shared/frame"
)

const (
	defaultQuality = 75 // of JPEGs encoded here

	maxBackoff    = time.Second // a camera that was plugged in again is to be seen soon
	defaultWarmup = 500 * time.Millisecond

	// maxWarmup keeps a warm-up well below the agent's timeout for a camera without frames.
	maxWarmup = 5 * time.Second

	minFPS, maxFPS = 0.2, 240
)

// captureDevice is what the source needs of an open *device.Device.
type captureDevice interface {
	Negotiated() device.Negotiated
	Controls() ([]device.Control, error)
	SetControl(name string, value int64) error
	RequestKeyFrame() error
	Run(ctx context.Context, take func(device.Buffer)) error
	Close() error
}

// host is what the source needs of the machine.
type host struct {
	describe func(path string) (device.Description, error)
	open     func(device.Config) (captureDevice, error)
	links    string                             // the directory of by-id and by-path
	now      func() time.Duration               // CLOCK_MONOTONIC
	wall     func(mono time.Duration) time.Time // of a time of that clock
}

func localHost() host {
	return host{
		describe: device.Describe,
		open: func(c device.Config) (captureDevice, error) {
			d, err := device.Open(c)
			if err != nil { // no nil pointer in an interface
				return nil, err
			}
			return d, nil
		},
		links: "/dev/v4l", now: hostclock.Now, wall: hostclock.New().Wall,
	}
}

// camera is a camera that captures by V4L2. What it encodes itself, JPEG or H.264, passes through as it is. Raw
// pictures are encoded to JPEG here, which costs 4 ms a frame of 640x480 and 11 ms of 1280x720 on one core of a
// server (BenchmarkRaw) and many times that on a Pi; Warning tells what it costs on this machine. When encoding takes
// longer than the camera's interval, the frames in between are passed over.
type camera struct {
	path          string
	pixel         device.PixelFormat // what to ask for; 0 means what suits best of what the camera offers
	width, height int                // asked for; 0 means a default
	warmup        time.Duration
	env           source.Env
	host          host

	link string // the stable name behind which the camera at path was found; owned by Run

	quality atomic.Int32 // of JPEGs encoded here; 0 means the default
	stats

	// configuring is held while the camera is changed, so that it is not closed meanwhile. Holding it may take as
	// long as the camera does.
	configuring sync.RWMutex
	cam         captureDevice    // guarded by configuring; nil while closed
	restart     func(error)      // guarded by configuring; ends the Run; nil while closed
	fps         float64          // guarded by configuring; asked for; 0 means a default
	wanted      map[string]int64 // guarded by configuring; controls by name
	intra       int              // guarded by configuring; frames between key frames; 0 leaves the encoder's own
}

// h264Camera is a camera whose camera can be asked for key frames.
type h264Camera struct{ *camera }

// New is the source.Factory.
func New(spec source.Spec, env source.Env) (source.Source, error) {
	if !device.Supported {
		return nil, device.ErrNoSupport
	}
	return parse(spec, env, localHost())
}

func parse(spec source.Spec, env source.Env, h host) (source.Source, error) {
	path := spec.Target
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("which camera? write v4l2:/dev/v4l/by-id/NAME or v4l2:/dev/video0, not v4l2:%s; "+
			"`bramble-agent devices` lists what is there", path)
	}
	s := &camera{path: path, env: env, host: h}
	format := spec.Text("format", "")
	var known bool
	if s.pixel, known = pixelOf(format); !known {
		return nil, fmt.Errorf("format=%s: must be mjpeg, h264, yuyv or nv12", format)
	}
	s.width, s.height = spec.Size("size", 0, 0)
	s.fps = spec.Number("fps", 0, minFPS, maxFPS)
	isH264, warmup := format == "h264", defaultWarmup
	if isH264 {
		warmup = 0 // not every encoder makes another key frame on request, so the first one is precious
	}
	s.warmup = spec.Duration("warmup", warmup, maxWarmup)
	var err error
	if s.wanted, err = parseControls(spec); err != nil {
		return nil, err
	}
	if isH264 {
		if bitrate := spec.Int("bitrate", 0, 1000, 1_000_000_000); bitrate > 0 {
			s.wanted[controlBitrate] = int64(bitrate)
		}
		s.intra = spec.Int("intra", 0, 1, 10_000)
		return h264Camera{s}, nil
	}
	s.quality.Store(int32(spec.Int("quality", 0, 1, 100))) //nolint:gosec // 1 to 100
	return s, nil
}

// pixelOf maps the option format to what to ask the camera for.
func pixelOf(format string) (pixel device.PixelFormat, known bool) {
	switch format {
	case "":
		return 0, true
	case "mjpeg", "jpeg":
		return device.MJPEG, true // or JPEG, if that is what the camera calls it
	case "h264":
		return device.H264, true
	case "yuyv":
		return device.YUYV, true
	case "nv12":
		return device.NV12, true
	}
	return 0, false
}

// parseControls collects the options control.NAME=VALUE.
func parseControls(spec source.Spec) (map[string]int64, error) {
	const prefix = "control."
	found := map[string]int64{}
	for name, text := range spec.WithPrefix(prefix, "NAME") {
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil || name == "" {
			return nil, fmt.Errorf("%s%s=%s: write control.NAME=NUMBER, for example control.brightness=10 (0 and 1 "+
				"for off and on)",
				prefix, name, text)
		}
		found[name] = value
	}
	return found, nil
}

// Kind implements source.Source.
func (s *camera) Kind() string { return "v4l2" }

// Format implements source.Source.
func (s *camera) Format() frame.Format { return frame.JPEG }

// Format implements source.Source.
func (s h264Camera) Format() frame.Format { return frame.H264 }

// MaxBackoff implements source.Retrier.
func (s *camera) MaxBackoff() time.Duration { return maxBackoff }

// RequestKeyFrame implements source.KeyFramer. A camera that is closed begins with a key frame anyway.
func (s h264Camera) RequestKeyFrame() error {
	s.configuring.RLock()
	defer s.configuring.RUnlock()
	if s.cam == nil {
		return nil
	}
	return s.cam.RequestKeyFrame()
}
