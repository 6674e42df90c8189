package output_test

import (
	"errors"
	"net/url"
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/media"
)

// FuzzParameters reads any query of a camera's URL. What is taken is within the bounds that docs/ref/http.md promises.
// An error names a parameter that exists, and repeats a bounded part of what was sent.
func FuzzParameters(f *testing.F) {
	for _, q := range []string{
		"", "width=320&quality=80&fps=2&rotate=90", "width=16&bitrate=1e6", "width=NaN", "width=-Inf",
		"fps=0x1p-2", "quality=1e400", "rotate=+90", "max_age=2s&duration=10s", "max_age=1e18",
		"max_age=-0",
		"duration=1h0m0.1s", "width=320&width=x", "width=%ff", "a;b", "max_age=9223372036854775807ns", "_=1700000000",
	} {
		f.Add(true, q)
		f.Add(false, q)
	}
	names := []string{"width", "quality", "fps", "rotate", "bitrate", "max_age", "duration"}
	f.Fuzz(func(t *testing.T, jpeg bool, query string) {
		values, _ := url.ParseQuery(query) // as net/http does: what cannot be read is left out
		format := media.H264
		if jpeg {
			format = media.JPEG
		}
		spec := output.Spec{
			Name: "x", Codec: format, Parameters: []string{output.ParamMaxAge, output.ParamDuration},
		}
		req, err := output.ParseRequest(spec, "desk", values)
		if err != nil {
			var param *problem.ParameterError
			if !errors.As(err, &param) || !slices.Contains(names, param.Name) ||
				values.Get(param.Name) == "" || len(err.Error()) > 600 {
				t.Fatalf("%v", err)
			}
			return
		}
		want, age, length := req.Want, req.MaxAge, req.Duration
		within := func(name string, v, low, high float64) {
			if v != 0 && !(v >= low && v <= high) {
				t.Fatalf("%s is %v for %q", name, v, query)
			}
		}
		within("width", float64(want.Width), 16, 8192)
		within("quality", float64(want.Quality), 1, 100)
		within("fps", want.FPS, 0.1, 120)
		within("bitrate", float64(want.Bitrate), 10_000, 100_000_000)
		within("max_age", age.Seconds(), 0, 3600)
		within("duration", length.Seconds(), 0.1, 3600)
		if !slices.Contains([]int{0, 90, 180, 270}, want.Rotate) || want.Codec != format ||
			format == media.H264 && want.Quality+want.Rotate != 0 {
			t.Fatalf("%+v for %q", want, query)
		}
		if name := want.String(); len(name) > 100 {
			t.Fatalf("named %q", name)
		}
	})
}
