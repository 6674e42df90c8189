package transcode

import (
	"github.com/bramble-cam/bramble/internal/media"
)

// defaultQuality is that of a JPEG unless another one is requested.
const defaultQuality = 80

// tileFPS is the highest rate up to which this process makes JPEGs of JPEGs itself: beyond it ffmpeg's processor time
// per picture, a quarter of ours, is worth the start and the memory of a process.
const tileFPS = 5

// rendition is what a viewer wants, as it is made. Equal renditions of a camera are made once.
type rendition struct{ media.Want }

// Ladders: what is asked for is taken to the next step, so that a grid of browsers does not start a process for each
// size in pixels.
func widths() []int    { return []int{160, 240, 320, 480, 640, 960, 1280, 1920} }
func rates() []int     { return []int{1, 2, 5, 10, 15, 30} }
func bitrates() []int  { return []int{250, 500, 1000, 2000, 4000, 8000} } // in thousands
func qualities() []int { return []int{30, 50, 65, 80, 90, 100} }

// step returns the first step that is at least n, or n if there is none.
func step(ladder []int, n int) int {
	for _, s := range ladder {
		if n <= s {
			return s
		}
	}
	return n
}

// source is what a rendition is made of.
type source struct {
	codec         media.Codec
	width, height int // 0 as long as they are not known
}

// quantize returns the rendition of a camera that answers a request: on the ladders, and never larger than the
// camera's own.
func (r rendition) quantize(of source) rendition {
	if r.Rotate == 90 || r.Rotate == 270 {
		of.width = of.height
	}
	if r.Width > 0 {
		r.Width = min(step(widths(), r.Width), 1920)
		if of.width > 0 && r.Width >= of.width {
			r.Width = 0
		}
	}
	if r.FPS > 0 {
		r.FPS = float64(step(rates(), int(r.FPS+0.999)))
		if r.FPS > 30 {
			r.FPS = 0
		}
	}
	if r.Codec == media.H264 {
		r.Quality, r.Rotate, r.FPS = 0, 0, 0
		if r.Bitrate > 0 {
			r.Bitrate = min(step(bitrates(), (r.Bitrate+999)/1000), 8000) * 1000
		}
		return r
	}
	r.Bitrate = 0
	if r.Quality > 0 {
		r.Quality = step(qualities(), r.Quality)
	} else if !r.native(of.codec) {
		r.Quality = defaultQuality
	}
	return r
}

// native reports whether the camera's own stream does, viewers that want fewer pictures leaving some out.
func (r rendition) native(c media.Codec) bool {
	r.FPS = 0
	return r.Want == media.Want{Codec: c}
}

// size returns the size of the pictures before their rotation, of a source with this size. H.264 has even sizes only.
func (r rendition) size(width, height int) (int, int) {
	if r.Width > 0 {
		if r.Rotate == 90 || r.Rotate == 270 {
			width, height = max(1, width*r.Width/height), r.Width
		} else {
			width, height = r.Width, max(1, height*r.Width/width)
		}
	}
	if r.Codec == media.H264 {
		return max(2, width&^1), max(2, height&^1)
	}
	return width, height
}
