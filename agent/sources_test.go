package agent

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// clips are files that sources find.
func clips() fs.FS {
	files := fstest.MapFS{}
	for _, name := range []string{"clip.h264", "clip.264", "clip.mjpeg", "clip.mjpg", "clip.jpeg", "CLIP.JPG", "clip",
		"a#b.h264", "a b=c.h264"} {
		files[name] = &fstest.MapFile{Data: []byte(name)}
	}
	return files
}

func parseSource(tb testing.TB, spec string) (source.Source, error) {
	return sources().Parse("porch", spec, source.Env{Files: clips(), Drops: &drop.Counters{}, Log: testutil.Log(tb)})
}

func TestParseSource(t *testing.T) {
	for spec, want := range map[string]struct {
		kind   string
		format frame.Format
	}{
		"file:clip.h264":                         {"file", frame.H264},
		"file:clip.264#fps=12.5":                 {"file", frame.H264},
		"file:clip.mjpeg#fps=0.2":                {"file", frame.JPEG},
		"file:clip.mjpg#fps=240":                 {"file", frame.JPEG},
		"file:clip.jpeg#":                        {"file", frame.JPEG},
		"file:CLIP.JPG":                          {"file", frame.JPEG},
		"file:clip#format=mjpeg":                 {"file", frame.JPEG},
		"file:clip#format=h264&fps=30":           {"file", frame.H264},
		"file:clip.mjpeg#format=h264":            {"file", frame.H264},
		"file:a#b.h264":                          {"file", frame.H264},
		"exec:rpicam-vid -o -#format=h264":       {"exec", frame.H264},
		"exec:cat a#b | grep '#c'#format=mjpeg":  {"exec", frame.JPEG},
		"exec:x#y=1#format=jpeg":                 {"exec", frame.JPEG},
		"exec:curl http://a/?b=c#d#format=mjpeg": {"exec", frame.JPEG},
		"exec:x#format=h264&format=mjpeg":        {"exec", frame.JPEG},
		"pattern:":                               {"pattern", frame.JPEG},
		"pattern:#size=160x120&fps=5&quality=50": {"pattern", frame.JPEG},
		"pattern:#size=&fps=":                    {"pattern", frame.JPEG},
	} {
		t.Run(spec, func(t *testing.T) {
			src, err := parseSource(t, spec)
			if err != nil {
				t.Fatal(err)
			}
			if src.Kind() != want.kind || src.Format() != want.format {
				t.Errorf("kind %s, format %s; want %+v", src.Kind(), src.Format(), want)
			}
		})
	}
}

// TestParseSourceErrors: every error names what is wrong and what is allowed.
func TestParseSourceErrors(t *testing.T) {
	for _, c := range []struct {
		spec string
		want []string
	}{
		{"", []string{"KIND:REST", "file:clip.h264", "exec:COMMAND", "pattern:"}},
		{"porch", []string{`"porch"`, "KIND:REST"}},
		{"webcam:0", []string{`unknown kind "webcam"`, "exec, file, pattern, rpicam and v4l2"}},
		{":x", []string{`unknown kind ""`}},
		{"file:", []string{"no file name", "file:clip.h264#fps=25"}},
		{"file:gone.h264", []string{"gone.h264", "not exist"}},
		{"file:clip", []string{"what is in clip?", ".h264, .mjpeg or .jpeg", "#format=h264 or #format=mjpeg"}},
		{"file:clip.h264#format=mp4", []string{".h264, .mjpeg or .jpeg"}},
		{"file:clip.h264#fps=x", []string{"fps=x", "a number from 0.2 to 240"}},
		{"file:clip.h264#fps=0", []string{"fps=0", "from 0.2 to 240"}},
		{"file:clip.h264#fps=-25", []string{"fps=-25", "from 0.2 to 240"}},
		{"file:clip.h264#fps=1e9", []string{"from 0.2 to 240"}},
		{"file:clip.h264#fps=NaN", []string{"from 0.2 to 240"}},
		{"file:clip.h264#fps=Inf", []string{"from 0.2 to 240"}},
		{"file:clip.h264#speed=2", []string{`unknown option "speed"`, "knows fps, format"}},
		{"file:clip.h264#fps=25&", nil},
		{"file:clip.h264#fps=25;format=h264", []string{"options", "semicolon"}},
		{"file:clip.h264#fps=%zz", []string{"options", "%zz"}},
		{"exec:", []string{"no command", "exec:COMMAND#format=h264 or #format=mjpeg"}},
		{"exec:  #format=h264", []string{"no command"}},
		{"exec:rpicam-vid -o -", []string{"what does the command write?", "#format=h264 or #format=mjpeg"}},
		{"exec:a #comment", []string{"what does the command write?"}},
		{"exec:a#format=mp4", []string{"format=mp4", "h264 or mjpeg"}},
		{"exec:a#format=h264&fps=25", []string{`unknown option "fps"`, "knows format"}},
		{"pattern:porch", []string{"between pattern: and #", `"porch"`}},
		{"pattern:#size=big", []string{"size=big", "WIDTHxHEIGHT", "1280x720"}},
		{"pattern:#size=1280", []string{"WIDTHxHEIGHT"}},
		{"pattern:#size=1280x720x3", []string{"WIDTHxHEIGHT"}},
		{"pattern:#size=0x0", []string{"WIDTHxHEIGHT"}},
		{"pattern:#size=-640x480", []string{"WIDTHxHEIGHT"}},
		{"pattern:#size=3840x2160", []string{"160x120 to 1920x1080"}},
		{"pattern:#fps=0.5", []string{"fps=0.5", "from 1 to 60"}},
		{"pattern:#fps=29.97", []string{"fps=29.97", "whole number from 1 to 60"}},
		{"pattern:#fps=61", []string{"from 1 to 60"}},
		{"pattern:#quality=101", []string{"quality=101", "from 1 to 100"}},
		{"pattern:#color=red", []string{`unknown option "color"`, "knows size, fps, quality"}},
	} {
		t.Run(c.spec, func(t *testing.T) {
			src, err := parseSource(t, c.spec)
			if c.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatalf("accepted as %s", src.Kind())
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

func FuzzParseSource(f *testing.F) {
	for _, spec := range []string{
		"pattern:#size=160x120&fps=5", "file:clip.h264#fps=25", "exec:cat x#format=mjpeg", "exec:a # b#format=h264&",
		"file:a#b.h264", "a:#=", "pattern:#size=x", "file:clip#fps=1e-9", "pattern:#fps=9223372036854775808",
		"exec:#format=h264#format=h264", "file:../clip.h264",
	} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		src, err := parseSource(t, spec)
		if err != nil {
			if src != nil || err.Error() == "" {
				t.Errorf("%q: source %v, error %q", spec, src, err)
			}
			return
		}
		if _, err := frame.ParseFormat(string(src.Format())); err != nil {
			t.Errorf("%q: %v", spec, err)
		}
		if kind, _, _ := strings.Cut(spec, ":"); kind != src.Kind() {
			t.Errorf("%q is of kind %q", spec, src.Kind())
		}
	})
}
