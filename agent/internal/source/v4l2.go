package source

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/internal/hostclock"
	"github.com/bramble-cam/bramble/shared/frame"
)

const (
	v4l2DefaultQuality = 75 // of JPEGs encoded here

	v4l2Backoff = time.Second // a camera that was plugged in again is to be seen soon
	v4l2Warmup  = 500 * time.Millisecond

	// maxWarmup keeps a warm-up well below the time after which a camera without frames is opened anew.
	maxWarmup = 5 * time.Second

	minFPS, maxFPS = 0.2, 240
)

// v4l2Camera is an open camera: what the source needs of a *device.Device.
type v4l2Camera interface {
	Given() device.Given
	Controls() ([]device.Control, error)
	SetControl(name string, value int64) error
	RequestKeyFrame() error
	Run(ctx context.Context, take func(device.Buffer)) error
	Close() error
}

// v4l2Host is where the cameras are.
type v4l2Host struct {
	describe func(path string) (device.Description, error)
	open     func(device.Config) (v4l2Camera, error)
	links    string                             // the directory of by-id and by-path
	now      func() time.Duration               // CLOCK_MONOTONIC
	wall     func(mono time.Duration) time.Time // of a time of that clock
}

func thisHost() v4l2Host {
	return v4l2Host{
		describe: device.Describe,
		open: func(c device.Config) (v4l2Camera, error) {
			d, err := device.Open(c)
			if err != nil { // no nil pointer in an interface
				return nil, err
			}
			return d, nil
		},
		links: "/dev/v4l", now: hostclock.Now, wall: hostclock.New().Wall,
	}
}

// v4l2Source is a camera that captures by V4L2. What it encodes itself, JPEG or H.264, passes through as it is. Raw pictures are encoded to JPEG here,
// which costs 4 ms a frame of 640x480 and 11 ms of 1280x720 on one core of a server (BenchmarkV4L2Raw) and many times that on a Pi; Warning tells what
// it costs on this machine. When encoding takes longer than the camera's interval, the frames in between are passed over.
type v4l2Source struct {
	path          string
	pixel         device.PixelFormat // what to ask for; 0 means what suits best of what the camera offers
	width, height int                // asked for; 0 means a default
	warmup        time.Duration
	env           Env
	host          v4l2Host

	link string // the stable name behind which the camera at path was found; owned by Run

	quality atomic.Int32 // of JPEGs encoded here; 0 means the default
	v4l2Report

	// configuring is held while the camera is changed, so that it is not closed meanwhile. Holding it may take as long as the camera does.
	configuring sync.RWMutex
	cam         v4l2Camera       // guarded by configuring; nil while closed
	restart     func(error)      // guarded by configuring; ends the Run; nil while closed
	fps         float64          // guarded by configuring; asked for; 0 means a default
	wanted      map[string]int64 // guarded by configuring; controls by name
	intra       int              // guarded by configuring; frames between key frames; 0 leaves the encoder's own
}

// v4l2H264Source is a v4l2Source whose camera can be asked for key frames.
type v4l2H264Source struct{ *v4l2Source }

func newV4L2(_, path string, opts *options, env Env) (Source, error) {
	if !device.Supported {
		return nil, device.ErrNoSupport
	}
	return parseV4L2(path, opts, env, thisHost())
}

func parseV4L2(path string, opts *options, env Env, host v4l2Host) (Source, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("which camera? write v4l2:/dev/v4l/by-id/NAME or v4l2:/dev/video0, not v4l2:%s; `bramble-agent devices` lists what is there", path)
	}
	s := &v4l2Source{path: path, env: env, host: host}
	format := opts.text("format", "")
	var known bool
	if s.pixel, known = pixelOf(format); !known {
		return nil, fmt.Errorf("format=%s: must be mjpeg, h264, yuyv or nv12", format)
	}
	s.width, s.height = opts.size("size", 0, 0)
	s.fps = opts.number("fps", 0, minFPS, maxFPS)
	isH264, warmup := format == "h264", v4l2Warmup
	if isH264 {
		warmup = 0 // not every encoder makes another key frame on request, so the first one is precious
	}
	s.warmup = opts.duration("warmup", warmup, maxWarmup)
	var err error
	if s.wanted, err = opts.controls(); err != nil {
		return nil, err
	}
	if isH264 {
		if bitrate := opts.whole("bitrate", 0, 1000, 1_000_000_000); bitrate > 0 {
			s.wanted[controlBitrate] = int64(bitrate)
		}
		s.intra = opts.whole("intra", 0, 1, 10_000)
		return v4l2H264Source{s}, nil
	}
	s.quality.Store(int32(opts.whole("quality", 0, 1, 100)))
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

// duration parses a time such as 500ms, from 0 to high.
func (o *options) duration(name string, fallback, high time.Duration) time.Duration {
	s := o.text(name, "")
	if s == "" {
		return fallback
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > high {
		o.fail(fmt.Errorf("%s=%s: must be a time from 0s to %v, for example 500ms", name, s, high))
		return fallback
	}
	return d
}

// controls collects the options control.NAME=VALUE.
func (o *options) controls() (map[string]int64, error) {
	const prefix = "control."
	found := map[string]int64{}
	o.known = append(o.known, prefix+"NAME")
	for key := range o.values {
		name, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		value, err := strconv.ParseInt(o.text(key, ""), 10, 64)
		if err != nil || name == "" {
			return nil, fmt.Errorf("%s=%s: write control.NAME=NUMBER, for example control.brightness=10 (0 and 1 for off and on)", key, o.text(key, ""))
		}
		found[name] = value
	}
	return found, nil
}

// Kind implements Source.
func (s *v4l2Source) Kind() string { return "v4l2" }

// Format implements Source.
func (s *v4l2Source) Format() frame.Format { return frame.JPEG }

// Format implements Source.
func (s v4l2H264Source) Format() frame.Format { return frame.H264 }

// MaxBackoff implements Retrier.
func (s *v4l2Source) MaxBackoff() time.Duration { return v4l2Backoff }

// RequestKeyFrame implements KeyFramer. A camera that is closed begins with a key frame anyway.
func (s v4l2H264Source) RequestKeyFrame() error {
	s.configuring.RLock()
	defer s.configuring.RUnlock()
	if s.cam == nil {
		return nil
	}
	return s.cam.RequestKeyFrame()
}
