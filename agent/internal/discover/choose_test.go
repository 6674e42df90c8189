package discover

import (
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
)

// TestChoice: format before size before rate.
func TestChoice(t *testing.T) {
	for _, c := range []struct {
		name    string
		formats []device.Format
		use     string // behind v4l2:/dev/video0; "" if nothing can be used
		instead string
	}{
		{"MJPEG before all", []device.Format{
			sized(device.YUYV, px(640, 480, 30)), sized(device.H264, px(1920, 1080, 30)),
			sized(device.MJPEG, px(1280, 720, 30, 15)),
		}, "#format=mjpeg&size=1280x720&fps=30", "#format=h264&size=1920x1080&fps=30"},
		{"JPEG is MJPEG", []device.Format{sized(device.JPEG, px(1280, 720, 30))}, "#format=mjpeg&size=1280x720&fps=30", ""},
		{"H.264 without MJPEG", []device.Format{sized(device.YUYV, px(640, 480, 30)), sized(device.H264, px(1280, 720, 30))},
			"#format=h264&size=1280x720&fps=30", ""},
		{"raw at last", []device.Format{
			sized(device.NV12, px(640, 480, 30)), sized(device.YUYV, px(1280, 720, 10), px(640, 480, 30, 15, 10, 5)),
		}, "#format=yuyv&size=640x480&fps=10", ""},
		{"NV12", []device.Format{sized(device.NV12, px(1280, 720, 60, 30), px(1920, 1080, 30))},
			"#format=nv12&size=1280x720&fps=30", ""},
		{"nothing to use", []device.Format{{Pixel: 'Z' | '1'<<8 | '6'<<16 | ' '<<24}}, "", ""},
		{"largest within", []device.Format{sized(device.MJPEG, px(1920, 1080, 30), px(320, 240, 30), px(1024, 576, 30),
			px(960, 720, 30), px(640, 480, 30))},
			"#format=mjpeg&size=960x720&fps=30", ""},
		{"smallest of the large",
			[]device.Format{sized(device.MJPEG, px(3840, 2160, 30), px(1920, 1080, 30), px(2560, 1440, 30))},
			"#format=mjpeg&size=1920x1080&fps=30", ""},
		{"portrait", []device.Format{sized(device.MJPEG, px(720, 1280, 30), px(480, 640, 30))},
			"#format=mjpeg&size=480x640&fps=30", ""},
		{"best rate up to 30", []device.Format{sized(device.MJPEG, px(1280, 720, 60, 50, 25, 5))},
			"#format=mjpeg&size=1280x720&fps=25", ""},
		{"fast only", []device.Format{sized(device.MJPEG, px(1280, 720, 120, 60))}, "#format=mjpeg&size=1280x720&fps=60", ""},
		{"odd rates", []device.Format{sized(device.MJPEG, px(1280, 720, 59.94006, 29.97003, 7.5))},
			"#format=mjpeg&size=1280x720&fps=29.97", ""},
		{"the same size twice", []device.Format{sized(device.MJPEG, px(1280, 720, 5), px(1280, 720, 30))},
			"#format=mjpeg&size=1280x720&fps=30", ""},
		{"rates unknown", []device.Format{sized(device.MJPEG, px(1280, 720))}, "#format=mjpeg&size=1280x720", ""},
		{"sizes unknown", []device.Format{sized(device.MJPEG)}, "#format=mjpeg", ""},
		{"any size and rate", []device.Format{sized(device.MJPEG, stepped(px(2592, 1944, 90, 1)))},
			"#format=mjpeg&size=1280x720&fps=30", ""},
		{"any size, slow", []device.Format{sized(device.MJPEG, stepped(px(2592, 1944, 20, 1)))},
			"#format=mjpeg&size=1280x720&fps=20", ""},
		{"any small size", []device.Format{sized(device.MJPEG, stepped(px(800, 600, 30)))},
			"#format=mjpeg&size=800x600&fps=30", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			h.plug(0, offers("uvcvideo", "cam", c.formats...))
			got := h.find()[0]
			if c.use == "" {
				if got.Use != nil || !strings.Contains(got.Skipped, "none of its formats can be used (Z16)") {
					t.Errorf("got %+v", got)
				}
				return
			}
			if got.Use == nil || got.Use.Source != "v4l2:/dev/video0"+c.use || got.Use.Why == "" {
				t.Fatalf("got %+v, want %s", got.Use, c.use)
			}
			instead := ""
			for _, other := range got.Alternatives {
				instead += strings.TrimPrefix(other.Source, "v4l2:/dev/video0")
			}
			if instead != c.instead {
				t.Errorf("instead %s, want %s", instead, c.instead)
			}
		})
	}
}

// TestManyFormats: the reason stays short.
func TestManyFormats(t *testing.T) {
	var formats []Format
	for range 60 {
		formats = append(formats, Format{Pixel: "RGB3"})
	}
	if got := noFormat(formats); len(got) > 150 || !strings.Contains(got, "55 more") {
		t.Errorf("got %q", got)
	}
}
