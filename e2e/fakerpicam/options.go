package main

import (
	"fmt"
	"strconv"
	"strings"
)

// kind is what an option takes.
type kind int

const (
	flag kind = iota
	text
	number // not negative
	signed
)

// option is one option of rpicam-vid.
type option struct {
	name, short string
	kind        kind
	minor       int // since version 1.minor
}

// known are rpicam-vid's options, those with nothing to do here too: they must be taken.
func known() []option {
	table := []option{
		{"help", "h", flag, 0}, {"version", "", flag, 0}, {"list-cameras", "", flag, 0}, {"camera", "", number, 0},
		{"verbose", "v", number, 0},
		{"config", "c", text, 0}, {"width", "", number, 0}, {"height", "", number, 0}, {"timeout", "t", text, 0},
		{"output", "o", text, 0},
		{"nopreview", "n", flag, 0}, {"hflip", "", flag, 0}, {"vflip", "", flag, 0}, {"rotation", "", signed, 0},
		{"flush", "", flag, 0},
		{"framerate", "", signed, 0}, {"denoise", "", text, 0}, {"buffer-count", "", number, 0}, {"no-raw", "", flag, 3},
		{"bitrate", "b", text, 0},
		{"profile", "", text, 0}, {"level", "", text, 0}, {"intra", "g", number, 0}, {"inline", "", flag, 0},
		{"codec", "", text, 0},
		{"save-pts", "", text, 0}, {"quality", "q", number, 0}, {"frames", "", number, 0}, {"libav-format", "", text, 0},
		{"low-latency", "", flag, 6},
		{"info-text", "", text, 0}, {"metadata", "", text, 0}, {"metadata-format", "", text, 0}, {"tuning-file", "", text, 0},
		{"libav-video-codec", "", text, 0}, {"libav-video-codec-opts", "", text, 0}, {"post-process-file", "", text, 0},
		{"hdr", "", flag, 0},
	}
	for _, name := range strings.Fields(
		"roi shutter gain analoggain metering exposure ev awb awbgains brightness contrast saturation sharpness mode " +
			"viewfinder-mode autofocus-mode autofocus-range autofocus-speed autofocus-window lens-position flicker-period " +
			"lores-width lores-height") {
		table = append(table, option{name, "", text, 0})
	}
	return table
}

// options are the ones given, by their long name.
type options map[string]string

// parseOptions parses as boost's program_options does, with its messages.
func parseOptions(args []string, v version) (options, error) {
	long, short := map[string]option{}, map[string]option{}
	for _, o := range known() {
		if v.atLeast(1, o.minor, 0) {
			long[o.name], short[o.short] = o, o
		}
	}
	opts := options{}
	for len(args) > 0 {
		o, value, rest, err := parseOne(args, long, short)
		if err != nil {
			return nil, err
		}
		if _, twice := opts[o.name]; twice {
			return nil, fmt.Errorf("option '--%s' cannot be specified more than once", o.name)
		}
		opts[o.name], args = value, rest
	}
	return opts, nil
}

func parseOne(args []string, long, short map[string]option) (o option, value string, rest []string, err error) {
	word, rest := args[0], args[1:]
	given, ok := false, false
	switch {
	case strings.HasPrefix(word, "--"):
		var name string
		name, value, given = strings.Cut(word[2:], "=")
		o, ok = long[name]
	case len(word) > 1 && word[0] == '-':
		o, ok = short[word[1:2]]
		value, given = word[2:], len(word) > 2
	default:
		return o, "", nil, fmt.Errorf("too many positional options have been specified on the command line")
	}
	switch {
	case !ok:
		return o, "", nil, fmt.Errorf("unrecognised option '%s'", word)
	case given:
	case o.kind == flag:
		value = "1"
	case len(rest) == 0:
		return o, "", nil, fmt.Errorf("the required argument for option '--%s' is missing", o.name)
	default:
		value, rest = rest[0], rest[1:]
	}
	if o.kind == number || o.kind == signed {
		if n, err := strconv.ParseFloat(value, 64); err != nil || o.kind == number && n < 0 {
			return o, "", nil, fmt.Errorf("the argument ('%s') for option '--%s' is invalid", value, o.name)
		}
	}
	return o, value, rest, nil
}

func (o options) has(name string) bool { return o[name] != "" && o[name] != "0" }

func (o options) text(name, fallback string) string {
	if v, ok := o[name]; ok {
		return v
	}
	return fallback
}

// number returns an option's value; parseOptions has seen that it is one.
func (o options) number(name string, fallback float64) float64 {
	if n, err := strconv.ParseFloat(o[name], 64); err == nil {
		return n
	}
	return fallback
}

// usage is the output of --help.
func usage(v version) string {
	var out strings.Builder
	out.WriteString("Valid options are:\n")
	for _, o := range known() {
		if !v.atLeast(1, o.minor, 0) {
			continue
		}
		names := "--" + o.name
		if o.short != "" {
			names = "-" + o.short + " [ --" + o.name + " ]"
		}
		fmt.Fprintf(&out, "  %-40s (see the original)\n", names+" arg")
	}
	return out.String()
}
