package source

import (
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bramble-cam/bramble/shared/drop"
)

// Env is what every source may need from its surroundings.
type Env struct {
	Files fs.FS          // where file sources read from; nil means the host's file system
	Drops *drop.Counters // counts frames that the source must refuse
	Log   *slog.Logger
}

// Parse returns the source that spec describes: kind:rest#option=value&option=value. camera is the camera's name, for sources that show it. The error says
// which part of spec is wrong and what is allowed there.
func Parse(camera, spec string, env Env) (Source, error) {
	kind, rest, ok := strings.Cut(spec, ":")
	if !ok {
		return nil, fmt.Errorf("source %q: write KIND:REST, for example pattern:#fps=15, exec:COMMAND#format=mjpeg or file:clip.h264", spec)
	}
	build, ok := map[string]func(string, string, *options, Env) (Source, error){
		"file":    newFile,
		"exec":    newExec,
		"pattern": newPattern,
		"rpicam":  newRPiCam,
		"v4l2":    newV4L2,
	}[kind]
	if !ok {
		return nil, fmt.Errorf("source %q: unknown kind %q: known are exec, file, pattern, rpicam and v4l2", spec, kind)
	}
	rest, opts, err := parseOptions(rest)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", spec, err)
	}
	src, err := build(camera, rest, opts, env)
	if err == nil {
		err = opts.finish()
	}
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", spec, err)
	}
	return src, nil
}

// newPattern builds the test card from its options.
func newPattern(camera, rest string, opts *options, _ Env) (Source, error) {
	if rest != "" {
		return nil, fmt.Errorf("nothing may stand between pattern: and #, but %q does", rest)
	}
	width, height := opts.size("size", 0, 0)
	return NewPattern(camera, PatternOptions{
		Width: width, Height: height,
		FPS:     opts.whole("fps", 0, 1, 60),
		Quality: opts.whole("quality", 0, 1, 100),
	})
}

// options are the settings behind the last '#' of a source. Every getter notes the first error; finish returns it.
type options struct {
	values url.Values
	known  []string
	err    error
}

// parseOptions splits s at its last '#', if what follows looks like options: a command may hold a '#' of its own.
func parseOptions(s string) (rest string, opts *options, err error) {
	i := strings.LastIndexByte(s, '#')
	if i < 0 || i+1 < len(s) && !strings.Contains(s[i+1:], "=") {
		return s, &options{}, nil
	}
	values, err := url.ParseQuery(s[i+1:])
	if err != nil {
		return "", nil, fmt.Errorf("options %q: %w", s[i+1:], err)
	}
	return s[:i], &options{values: values}, nil
}

func (o *options) text(name, fallback string) string {
	o.known = append(o.known, name)
	if v := o.values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return fallback
}

func (o *options) number(name string, fallback, low, high float64) float64 {
	s := o.text(name, "")
	if s == "" {
		return fallback
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= low && n <= high) {
		o.fail(fmt.Errorf("%s=%s: must be a number from %s to %s", name, s, plain(low), plain(high)))
		return fallback
	}
	return n
}

// plain writes a number without exponent.
func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func (o *options) whole(name string, fallback, low, high int) int {
	n := o.number(name, float64(fallback), float64(low), float64(high))
	if n != math.Trunc(n) {
		o.fail(fmt.Errorf("%s=%g: must be a whole number from %d to %d", name, n, low, high))
	}
	return int(n)
}

// size parses WIDTHxHEIGHT.
func (o *options) size(name string, width, height int) (int, int) {
	s := o.text(name, "")
	if s == "" {
		return width, height
	}
	ws, hs, _ := strings.Cut(s, "x")
	w, errW := strconv.Atoi(ws)
	h, errH := strconv.Atoi(hs)
	if errW != nil || errH != nil || w <= 0 || h <= 0 {
		o.fail(fmt.Errorf("%s=%s: write WIDTHxHEIGHT, for example 1280x720", name, s))
		return width, height
	}
	return w, h
}

func (o *options) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// finish returns the first error of a getter, or an error that names an option nobody asked for.
func (o *options) finish() error {
	if o.err != nil {
		return o.err
	}
	for name := range o.values {
		if !slices.Contains(o.known, name) {
			return fmt.Errorf("unknown option %q: this kind of source knows %s", name, strings.Join(o.known, ", "))
		}
	}
	return nil
}
