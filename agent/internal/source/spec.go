package source

import (
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/shared/drop"
)

// Env is what a source may need from its surroundings.
type Env struct {
	Files fs.FS          // where file sources read from; nil means the host's file system
	Drops *drop.Counters // counts frames that the source cannot deliver
	Log   *slog.Logger
}

// Spec is a parsed specification: kind:target#option=value&option=value.
type Spec struct {
	Camera string // the camera's name, for sources that show it
	Target string // what stands between the kind and the options: a device, a command, a file
	*Options
}

// Factory makes a source of one kind. It opens nothing. It must read every option that it knows: an option that no
// Factory has read is an error.
type Factory func(spec Spec, env Env) (Source, error)

// Registry maps each kind of source to its Factory.
type Registry map[string]Factory

// Parse returns the source that text describes. The error says which part of text is wrong and what is allowed there.
func (r Registry) Parse(camera, text string, env Env) (Source, error) {
	kind, rest, ok := strings.Cut(text, ":")
	if !ok {
		return nil, fmt.Errorf("source %q: write KIND:REST, for example pattern:#fps=15, exec:COMMAND#format=mjpeg or "+
			"file:clip.h264", text)
	}
	build, ok := r[kind]
	if !ok {
		return nil, fmt.Errorf("source %q: unknown kind %q: known are %s", text, kind, r.kinds())
	}
	spec, err := ParseSpec(camera, rest)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", text, err)
	}
	src, err := build(spec, env)
	if err == nil {
		err = spec.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", text, err)
	}
	return src, nil
}

// kinds lists the kinds for people: "exec, file and v4l2".
func (r Registry) kinds() string {
	names := slices.Sorted(maps.Keys(r))
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// ParseSpec splits a specification without its kind into target and options.
func ParseSpec(camera, text string) (Spec, error) {
	target, options, err := parseOptions(text)
	return Spec{Camera: camera, Target: target, Options: options}, err
}
