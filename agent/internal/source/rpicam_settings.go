package source

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// Limits of the encoders: the hardware one's, and what libx264 and libjpeg take without complaint.
const (
	rpicamMinBitrate, rpicamMaxBitrate = 25_000, 25_000_000 // bits per second
	rpicamMaxFPS                       = 240
	rpicamMaxIntra                     = 10_000
	rpicamMaxSide                      = 16_384 // of any sensor
	rpicamMaxHardwareSide              = 1920   // of the hardware H.264 encoder
)

// rpicamSettings are the options of a source.
type rpicamSettings struct {
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

func parseRPiCam(camera string, opts *options) (set rpicamSettings, err error) {
	if camera != "" {
		if set.camera, err = strconv.Atoi(camera); err != nil || set.camera < 0 {
			return set, fmt.Errorf("which camera? write rpicam:0 for the first one, not rpicam:%s; `bramble-agent devices` lists what is there "+
				"(a USB camera is v4l2:)", camera)
		}
	}
	if set.codec, err = parseStreamFormat(opts.text("codec", "h264")); err != nil {
		return set, errors.New(strings.Replace(err.Error(), "format=", "codec=", 1))
	}
	set.width, set.height = opts.size("size", 1280, 720)
	if set.width%2+set.height%2 > 0 || max(set.width, set.height) > rpicamMaxSide {
		return set, fmt.Errorf("size=%dx%d: width and height must be even, and not above %d", set.width, set.height, rpicamMaxSide)
	}
	set.fps = opts.number("fps", 30, minFPS, rpicamMaxFPS)
	set.rotation = opts.whole("rotation", 0, 0, 180)
	if set.rotation%180 != 0 {
		return set, fmt.Errorf("rotation=%d: must be 0 or 180: the camera cannot turn pictures by another angle", set.rotation)
	}
	set.hflip, set.vflip = opts.onOff("hflip"), opts.onOff("vflip")
	// libcamera holds frames back until exposure and white balance have converged, so there is nothing to wait for unless somebody knows better.
	set.warmup = opts.duration("warmup", 0, maxWarmup)
	if set.args, err = splitWords(opts.text("args", "")); err == nil {
		err = checkRPiCamArgs(set.args)
	}
	if err != nil {
		return set, fmt.Errorf("args: %w", err)
	}
	return set, set.parseEncoder(opts)
}

// parseEncoder parses the options that only one codec has, and explains what is wrong with those of the other one.
func (s *rpicamSettings) parseEncoder(opts *options) error {
	if s.codec == frame.JPEG {
		s.quality = opts.whole("quality", 60, 1, 100)
		if opts.text("bitrate", "") != "" || opts.text("intra", "") != "" {
			return errNoBitrate
		}
		return nil
	}
	s.bitrate = opts.whole("bitrate", 2_000_000, rpicamMinBitrate, rpicamMaxBitrate)
	s.intra = opts.whole("intra", 0, 1, rpicamMaxIntra)
	if opts.text("quality", "") != "" {
		return errNoQualityH264
	}
	return nil
}

var (
	errNoBitrate = errors.New("bitrate and intra are for codec=h264: rpicam-vid encodes JPEGs one by one at a quality; set quality (1 to 100), size or fps " +
		"to make them smaller")
	errNoQualityH264 = errors.New("quality is for codec=mjpeg: H.264 has a bitrate")
)

// onOff parses a switch: 1 or true, 0 or false.
func (o *options) onOff(name string) bool {
	s := o.text(name, "0")
	on, err := strconv.ParseBool(s)
	if err != nil {
		o.fail(fmt.Errorf("%s=%s: must be 1 or 0", name, s))
	}
	return on
}

// keyInterval returns after how many frames a key frame comes.
func (s *rpicamSettings) keyInterval() int {
	if s.intra > 0 {
		return s.intra
	}
	return max(1, int(math.Round(s.fps)))
}

// settings returns the settings as they are now.
func (r *rpicam) settings() rpicamSettings {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set
}

// Configure implements Configurer. rpicam-vid cannot be told anything while it runs, so every change starts it anew.
func (r *rpicam) Configure(s Settings) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	set := r.set
	if err := set.change(s); err != nil {
		return fmt.Errorf("%w: %w", ErrSetting, err)
	}
	same := set.fps == r.set.fps && set.bitrate == r.set.bitrate && set.quality == r.set.quality
	r.set = set
	if r.restart != nil && !same {
		r.restart(ErrRestart)
	}
	return nil
}

// Controls implements Configurer: libcamera's controls cannot be reached from outside rpicam-vid.
func (r *rpicam) Controls() []status.Control { return nil }

func (s *rpicamSettings) change(c Settings) error {
	switch isJPEG := s.codec == frame.JPEG; {
	case len(c.Controls) > 0:
		return errors.New("a Pi camera has no controls that can be set while it runs: put rpicam-vid's options into args, for example args=--ev 0.5")
	case c.Bitrate != nil && isJPEG:
		return errNoBitrate
	case c.Quality != nil && !isJPEG:
		return errNoQualityH264
	case c.FPS != nil && !(*c.FPS >= minFPS && *c.FPS <= rpicamMaxFPS):
		return fmt.Errorf("fps %g: must be from %g to %d", *c.FPS, minFPS, rpicamMaxFPS)
	case c.Bitrate != nil && (*c.Bitrate < rpicamMinBitrate || *c.Bitrate > rpicamMaxBitrate):
		return fmt.Errorf("bitrate %d: must be from %d to %d", *c.Bitrate, rpicamMinBitrate, rpicamMaxBitrate)
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

// checkRPiCamArgs refuses what would break the source, and what an option of the source is there for.
func checkRPiCamArgs(args []string) error {
	instead := map[string]string{
		"camera": "rpicam:NUMBER", "width": "size", "height": "size", "framerate": "fps", "rotation": "rotation", "hflip": "hflip", "vflip": "vflip",
		"codec": "codec", "inline": "nothing", "intra": "intra", "g": "intra", "bitrate": "bitrate", "b": "bitrate", "quality": "quality", "q": "quality",
	}
	fixed := []string{
		"output", "o", "save-pts", "flush", "timeout", "t", "frames", "nopreview", "n", "libav-format", "low-latency", "metadata", "segment", "split",
		"circular", "initial", "i", "keypress", "k", "signal", "s", "listen", "l", "list-cameras", "help", "h", "version", "config", "c",
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

// splitWords splits at spaces as a shell does: '...' is taken as it is, and in "..." and elsewhere a backslash takes the next character as it is.
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
