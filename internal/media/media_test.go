package media_test

import (
	"testing"

	"github.com/bramble-cam/bramble/internal/media"
)

func TestWantIsNamed(t *testing.T) {
	for want, w := range map[string]media.Want{
		"jpeg":                            {Codec: media.JPEG},
		"jpeg width=320 quality=80 fps=2": {Codec: media.JPEG, Width: 320, Quality: 80, FPS: 2},
		"h264 width=640 bitrate=500000":   {Codec: media.H264, Width: 640, Bitrate: 500_000},
		"jpeg rotate=90":                  {Codec: media.JPEG, Rotate: 90},
	} {
		if got := w.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCodecs(t *testing.T) {
	const sound media.Codec = "sound" // of any other codec than those of video each packet decodes alone
	for c, want := range map[media.Codec]struct{ video, intraOnly bool }{
		media.JPEG: {true, true}, media.H264: {true, false}, sound: {false, true},
	} {
		if c.Video() != want.video || c.IntraOnly() != want.intraOnly {
			t.Errorf("%s: video %v, intra only %v", c, c.Video(), c.IntraOnly())
		}
	}
}
