package transcode

import (
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/internal/media"
)

// Check says in advance whether a rendition of a camera can be had at all: the error is ErrNoFFmpeg if not.
func (t *Transcoder) Check(cam *cameras.Camera, want media.Want) error {
	of := sourceOf(cam)
	r := rendition{want}.quantize(of)
	if t.path != "" || r.native(of.codec) || r.withoutFFmpeg(of) {
		return nil
	}
	return ErrNoFFmpeg
}

// withoutFFmpeg reports whether this process can make the rendition itself.
func (r rendition) withoutFFmpeg(of source) bool {
	return of.codec == media.JPEG && r.Codec == media.JPEG
}

// inProcess reports whether this process makes the rendition, which it may do at the rate of a tile, for stills, and
// where there is no ffmpeg.
func (t *Transcoder) inProcess(k key, of source) bool {
	return k.want.withoutFFmpeg(of) && (k.still || t.path == "" || k.want.FPS > 0 && k.want.FPS <= tileFPS)
}
