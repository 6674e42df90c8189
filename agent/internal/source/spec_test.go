package source_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/shared/frame"
)

// values are what a Factory has read.
type values struct {
	camera, target, text string
	number               float64
	whole, width, height int
	duration             time.Duration
	on                   bool
	format               frame.Format
	controls             map[string]string
}

func (v *values) Kind() string                           { return "fake" }
func (v *values) Format() frame.Format                   { return v.format }
func (v *values) Run(context.Context, source.Sink) error { return errors.ErrUnsupported }

// parse parses a specification whose Factory reads an option of each type.
func parse(text string) (*values, error) {
	v := &values{}
	registry := source.Registry{"other": nil, "fake": func(spec source.Spec, _ source.Env) (source.Source, error) {
		v.camera, v.target = spec.Camera, spec.Target
		v.text = spec.Text("text", "none")
		v.number = spec.Number("number", 1.5, 0.5, 10)
		v.whole = spec.Int("whole", 3, 1, 9)
		v.width, v.height = spec.Size("size", 640, 480)
		v.duration = spec.Duration("duration", time.Second, time.Minute)
		v.on = spec.Bool("on")
		v.controls = spec.WithPrefix("control.", "NAME")
		var err error
		v.format, err = spec.Format("codec", "h264")
		return v, err
	}}
	_, err := registry.Parse("porch", text, source.Env{})
	return v, err
}

func TestOptions(t *testing.T) {
	v, err := parse("fake:a#b")
	if err != nil {
		t.Fatal(err)
	}
	if v.camera != "porch" || v.target != "a#b" || v.text != "none" || v.number != 1.5 || v.whole != 3 || v.width != 640 ||
		v.height != 480 || v.duration != time.Second || v.on || v.format != frame.H264 || len(v.controls) != 0 {
		t.Errorf("defaults: %+v", v)
	}
	v, err = parse("fake:a#text=x&number=2&whole=5&size=16x8&duration=2s&on=1&codec=mjpeg&control.gain=7&text=y")
	if err != nil {
		t.Fatal(err)
	}
	if v.target != "a" || v.text != "y" || v.number != 2 || v.whole != 5 || v.width != 16 || v.height != 8 ||
		v.duration != 2*time.Second || !v.on || v.format != frame.JPEG || v.controls["gain"] != "7" {
		t.Errorf("set: %+v", v)
	}
}

func TestOptionErrors(t *testing.T) {
	for text, want := range map[string]string{
		"fake":                       "KIND:REST",
		"x:":                         `unknown kind "x": known are fake and other`,
		"fake:#number=11":            "number=11: must be a number from 0.5 to 10",
		"fake:#whole=1.5":            "whole=1.5: must be a whole number from 1 to 9",
		"fake:#size=16":              "size=16: write WIDTHxHEIGHT",
		"fake:#duration=2m":          "duration=2m: must be a time from 0s to 1m0s",
		"fake:#on=maybe":             "on=maybe: must be 1 or 0",
		"fake:#codec=vp8":            "codec=vp8: must be h264 or mjpeg",
		"fake:#number=x&whole=x":     "number=x",
		"fake:#text=%zz":             "options",
		"fake:#color=red":            `unknown option "color": this kind of source knows text, number, whole, size`,
		"fake:#controls.gain=7":      "control.NAME",
		"fake:#number=2&control.x=1": "",
	} {
		_, err := parse(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}
