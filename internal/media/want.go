package media

import (
	"fmt"
	"strings"
)

// Want is what a subscriber wants of a camera. Zero values mean: as the camera has it.
type Want struct {
	Codec   Codec
	Width   int     // in pixels, of the picture after its rotation
	Quality int     // JPEG: 1 to 100
	FPS     float64 // JPEG: maximum number of pictures in a second
	Rotate  int     // JPEG: clockwise, 0, 90, 180 or 270 degrees
	Bitrate int     // H.264: bits per second
}

// String names what is wanted: "jpeg width=320 quality=80 fps=2".
func (w Want) String() string {
	var b strings.Builder
	b.WriteString(string(w.Codec))
	for _, part := range []struct {
		name  string
		value float64
	}{
		{"width", float64(w.Width)}, {"quality", float64(w.Quality)}, {"fps", w.FPS},
		{"rotate", float64(w.Rotate)}, {"bitrate", float64(w.Bitrate)},
	} {
		if part.value > 0 {
			_, _ = fmt.Fprintf(&b, " %s=%.0f", part.name, part.value)
		}
	}
	return b.String()
}
