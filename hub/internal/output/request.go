package output

import (
	"net/url"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/internal/media"
)

// The parameters that only some outputs take, as Spec.Parameters names them.
const (
	ParamMaxAge   = "max_age"
	ParamDuration = "duration"
)

// defaultMaxAge is how old a picture may be if the request does not say.
const defaultMaxAge = 5 * time.Second

// Request is what a client wants of a camera.
type Request struct {
	Camera   string
	Output   string
	Want     media.Want
	MaxAge   time.Duration // how old a picture may be
	Duration time.Duration // after which a stream ends; 0 means never
}

// ParseRequest reads the parameters of a request for a camera. The error is a *problem.ParameterError.
func ParseRequest(s Spec, camera string, query url.Values) (Request, error) {
	p := Params{Query: query}
	r := Request{Camera: camera, Output: s.Name, Want: p.Rendition(s.Codec)}
	if slices.Contains(s.Parameters, ParamMaxAge) {
		r.MaxAge = p.Duration(ParamMaxAge, defaultMaxAge, 0, time.Hour)
	}
	if slices.Contains(s.Parameters, ParamDuration) {
		r.Duration = p.Duration(ParamDuration, 0, 100*time.Millisecond, time.Hour)
	}
	return r, p.Err()
}

// Rendition reads which rendition in a codec is wanted.
func (p *Params) Rendition(codec media.Codec) media.Want {
	want := media.Want{Codec: codec, Width: int(p.Number("width", 0, 16, 8192))}
	if codec == media.H264 {
		want.Bitrate = int(p.Number("bitrate", 0, 10_000, 100_000_000))
		return want
	}
	want.Quality = int(p.Number("quality", 0, 1, 100))
	want.FPS = p.Number("fps", 0, 0.1, 120)
	want.Rotate = p.OneOf("rotate", 0, 90, 180, 270)
	return want
}
