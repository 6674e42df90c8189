package rpicam

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// Limits of the encoders: the hardware one's, and what libx264 and libjpeg take without complaint.
const (
	minFPS                 = 0.2
	maxWarmup              = 5 * time.Second    // below the agent's timeout for a camera without frames
	minBitrate, maxBitrate = 25_000, 25_000_000 // bits per second
	maxFPS                 = 240
	maxIntra               = 10_000
	maxSide                = 16_384 // of any sensor
	maxHardwareSide        = 1920   // of the hardware H.264 encoder
)

// settings are the options of a source.
type settings struct {
	camera        int
	codec         frame.Format
	width, height int
	fps           float64
	bitrate       int // of H.264, bits per second
	quality       int // of JPEGs
	intra         int // frames between key frames; 0: those of a second
	rotation      int
	hflip, vflip  bool
	warmup        time.Duration
	args          []string
}

func parseSettings(spec source.Spec) (set settings, err error) {
	camera := spec.Target
	if camera != "" {
		if set.camera, err = strconv.Atoi(camera); err != nil || set.camera < 0 {
			return set, fmt.Errorf("which camera? write rpicam:0 for the first one, not rpicam:%s; `bramble-agent "+
				"devices` lists what is there "+
				"(a USB camera is v4l2:)", camera)
		}
	}
	if set.codec, err = spec.Format("codec", "h264"); err != nil {
		return set, err
	}
	set.width, set.height = spec.Size("size", 1280, 720)
	if set.width%2+set.height%2 > 0 || max(set.width, set.height) > maxSide {
		return set, fmt.Errorf("size=%dx%d: width and height must be even, and not above %d", set.width, set.height,
			maxSide)
	}
	set.fps = spec.Number("fps", 30, minFPS, maxFPS)
	set.rotation = spec.Int("rotation", 0, 0, 180)
	if set.rotation%180 != 0 {
		return set, fmt.Errorf("rotation=%d: must be 0 or 180: the camera cannot turn pictures by another angle",
			set.rotation)
	}
	set.hflip, set.vflip = spec.Bool("hflip"), spec.Bool("vflip")
	// libcamera holds frames back until exposure and white balance have converged, so the default is no wait.
	set.warmup = spec.Duration("warmup", 0, maxWarmup)
	if set.args, err = splitWords(spec.Text("args", "")); err == nil {
		err = checkArgs(set.args)
	}
	if err != nil {
		return set, fmt.Errorf("args: %w", err)
	}
	return set, set.parseEncoder(spec)
}

// parseEncoder parses the options that only one codec has, and explains what is wrong with those of the other one.
func (s *settings) parseEncoder(spec source.Spec) error {
	if s.codec == frame.JPEG {
		s.quality = spec.Int("quality", 60, 1, 100)
		if spec.Text("bitrate", "") != "" || spec.Text("intra", "") != "" {
			return errNoBitrate
		}
		return nil
	}
	s.bitrate = spec.Int("bitrate", 2_000_000, minBitrate, maxBitrate)
	s.intra = spec.Int("intra", 0, 1, maxIntra)
	if spec.Text("quality", "") != "" {
		return errNoQualityH264
	}
	return nil
}

var (
	errNoBitrate = errors.New("bitrate and intra are for codec=h264: rpicam-vid encodes JPEGs one by one at a " +
		"quality; set quality (1 to 100), size or fps " +
		"to make them smaller")
	errNoQualityH264 = errors.New("quality is for codec=mjpeg: H.264 has a bitrate")
)

// keyInterval returns after how many frames a key frame comes.
func (s *settings) keyInterval() int {
	if s.intra > 0 {
		return s.intra
	}
	return max(1, int(math.Round(s.fps)))
}

// settings returns the settings as they are now.
func (r *camera) settings() settings {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set
}

// Configure implements source.Configurer. rpicam-vid takes no settings while it runs, so every change restarts it.
func (r *camera) Configure(s source.Settings) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	set := r.set
	if err := set.change(s); err != nil {
		return fmt.Errorf("%w: %w", source.ErrSetting, err)
	}
	same := set.fps == r.set.fps && set.bitrate == r.set.bitrate && set.quality == r.set.quality
	r.set = set
	if r.restart != nil && !same {
		r.restart(source.ErrRestart)
	}
	return nil
}

// Controls implements source.Configurer: libcamera's controls cannot be reached from outside rpicam-vid.
func (r *camera) Controls() []status.Control { return nil }

func (s *settings) change(c source.Settings) error {
	switch isJPEG := s.codec == frame.JPEG; {
	case len(c.Controls) > 0:
		return errors.New("a Pi camera has no controls that can be set while it runs: put rpicam-vid's options into " +
			"args, for example args=--ev 0.5")
	case c.Bitrate != nil && isJPEG:
		return errNoBitrate
	case c.Quality != nil && !isJPEG:
		return errNoQualityH264
	case c.FPS != nil && !(*c.FPS >= minFPS && *c.FPS <= maxFPS):
		return fmt.Errorf("fps %g: must be from %g to %d", *c.FPS, minFPS, maxFPS)
	case c.Bitrate != nil && (*c.Bitrate < minBitrate || *c.Bitrate > maxBitrate):
		return fmt.Errorf("bitrate %d: must be from %d to %d", *c.Bitrate, minBitrate, maxBitrate)
	case c.Quality != nil && (*c.Quality < 1 || *c.Quality > 100):
		return fmt.Errorf("quality %d: must be from 1 to 100", *c.Quality)
	}
	if c.FPS != nil {
		s.fps = *c.FPS
	}
	if c.Bitrate != nil {
		s.bitrate = *c.Bitrate
	}
	if c.Quality != nil {
		s.quality = *c.Quality
	}
	return nil
}

// checkArgs refuses what would break the source, and what an option of the source is there for.
func checkArgs(args []string) error {
	instead := map[string]string{
		"camera": "rpicam:NUMBER", "width": "size", "height": "size", "framerate": "fps", "rotation": "rotation",
		"hflip": "hflip", "vflip": "vflip",
		"codec": "codec", "inline": "nothing", "intra": "intra", "g": "intra", "bitrate": "bitrate", "b": "bitrate",
		"quality": "quality", "q": "quality",
	}
	fixed := []string{
		"output", "o", "save-pts", "flush", "timeout", "t", "frames", "nopreview", "n", "libav-format", "low-latency",
		"metadata", "segment", "split",
		"circular", "initial", "i", "keypress", "k", "signal", "s", "listen", "l", "list-cameras", "help", "h",
		"version", "config", "c",
	}
	for _, arg := range args {
		name, ok := optionName(arg)
		if !ok {
			continue
		}
		if option, ok := instead[name]; ok {
			return fmt.Errorf("%s is set by the source: use %s instead", arg, option)
		}
		if slices.Contains(fixed, name) {
			return fmt.Errorf("%s is not allowed: Bramble depends on how rpicam-vid starts, writes and ends", arg)
		}
	}
	return nil
}

// optionName returns the name of the option that an argument is, if it is one. A number may begin with '-' too.
func optionName(arg string) (string, bool) {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if !strings.HasPrefix(arg, "-") || name == "" || name[0] >= '0' && name[0] <= '9' || name[0] == '.' {
		return "", false
	}
	if !strings.HasPrefix(arg, "--") {
		return name[:1], true
	}
	return name, true
}

// splitWords splits at spaces as a shell does: '...' is taken as it is, and in "..." and elsewhere a backslash takes
// the next character as it is.
func splitWords(s string) (words []string, err error) {
	var word strings.Builder
	var quote rune
	inWord, escaped := false, false
	for _, c := range s {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			inWord, escaped = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			inWord, quote = true, c
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("a quote or a backslash at the end of %q has no counterpart", s)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
