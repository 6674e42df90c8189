package source

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/shared/frame"
)

// Options are the options of one source. Each getter returns the fallback if its option is missing or wrong. Err
// reports the first wrong option.
type Options struct {
	values url.Values
	known  []string
	err    error
}

// parseOptions splits s at its last '#', if what follows looks like options: a command may contain a '#' too.
func parseOptions(s string) (target string, opts *Options, err error) {
	i := strings.LastIndexByte(s, '#')
	if i < 0 || i+1 < len(s) && !strings.Contains(s[i+1:], "=") {
		return s, &Options{}, nil
	}
	values, err := url.ParseQuery(s[i+1:])
	if err != nil {
		return "", nil, fmt.Errorf("options %q: %w", s[i+1:], err)
	}
	return s[:i], &Options{values: values}, nil
}

// Text returns an option as it was written.
func (o *Options) Text(name, fallback string) string {
	if !slices.Contains(o.known, name) {
		o.known = append(o.known, name)
	}
	if v := o.values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return fallback
}

// Number returns a number from low to high.
func (o *Options) Number(name string, fallback, low, high float64) float64 {
	s := o.Text(name, "")
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

// plain formats a number without an exponent.
func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// Int returns a whole number from low to high.
func (o *Options) Int(name string, fallback, low, high int) int {
	n := o.Number(name, float64(fallback), float64(low), float64(high))
	if n != math.Trunc(n) {
		o.fail(fmt.Errorf("%s=%g: must be a whole number from %d to %d", name, n, low, high))
	}
	return int(n)
}

// Size returns a size that is written WIDTHxHEIGHT.
func (o *Options) Size(name string, width, height int) (int, int) {
	s := o.Text(name, "")
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

// Duration returns a time such as 500ms, from 0 to high.
func (o *Options) Duration(name string, fallback, high time.Duration) time.Duration {
	s := o.Text(name, "")
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

// Bool returns a switch: 1 or true, 0 or false.
func (o *Options) Bool(name string) bool {
	s := o.Text(name, "0")
	on, err := strconv.ParseBool(s)
	if err != nil {
		o.fail(fmt.Errorf("%s=%s: must be 1 or 0", name, s))
	}
	return on
}

// Format returns the format of a byte stream. Unlike the other getters it returns its error: no source can go on
// without a format.
func (o *Options) Format(name, fallback string) (frame.Format, error) {
	switch s := o.Text(name, fallback); s {
	case "h264":
		return frame.H264, nil
	case "mjpeg", "jpeg":
		return frame.JPEG, nil
	default:
		return "", fmt.Errorf("%s=%s: must be h264 or mjpeg", name, s)
	}
}

// WithPrefix returns the options whose names begin with prefix, by the rest of the name. metavar stands for that rest
// in messages.
func (o *Options) WithPrefix(prefix, metavar string) map[string]string {
	o.known = append(o.known, prefix+metavar)
	found := map[string]string{}
	for key := range o.values {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			found[name] = o.Text(key, "")
		}
	}
	return found
}

func (o *Options) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// Err returns the first error of a getter, or an error that names an option that no getter was asked for.
func (o *Options) Err() error {
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
