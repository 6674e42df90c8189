package transcode

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/media"
)

// TestArguments has the whole command line of each preset for each pair of formats, 1280x720 at 25 frames a second to
// a width of 640.
func TestArguments(t *testing.T) {
	const (
		jpeg, h264 = media.JPEG, media.H264
		mjpeg      = "-c:v mjpeg -threads 1 -huffman default -pix_fmt yuvj420p -q:v 7"
		rate       = " -bf 0 -g 50 -b:v 576000 -maxrate 576000 -bufsize 576000 -force_key_frames expr:gte(t,n_forced*2)"
		x264       = "-c:v libx264 -preset veryfast -tune zerolatency -sc_threshold 0 -pix_fmt yuv420p -threads 2" + rate +
			" -forced-idr 1"
		vaapi  = "-c:v h264_vaapi -async_depth 1" + rate
		nvenc  = "-c:v h264_nvenc -preset p2 -tune ull -zerolatency 1 -delay 0 -pix_fmt yuv420p" + rate + " -forced-idr 1"
		v4l2   = "-c:v h264_v4l2m2m -pix_fmt yuv420p" + rate
		scale  = `select=mod(pts\,2),scale=640:360:flags=area`
		upload = scale + ",format=nv12,hwupload"
		device = "-vaapi_device /dev/dri/renderD128"
	)
	for _, test := range []struct {
		hwaccel                  string
		from, to                 media.Codec
		decoder, filter, encoder string
	}{
		{"none", jpeg, jpeg, "-threads 1", scale, mjpeg},
		{"none", jpeg, h264, "-threads 1", scale, x264},
		{"none", h264, jpeg, "-threads 1", scale, mjpeg},
		{"none", h264, h264, "-threads 1", scale, x264},
		{"", h264, h264, "-threads 1", scale, x264},
		{"vaapi", jpeg, jpeg, "-threads 1 " + device, scale, mjpeg},
		{"vaapi", jpeg, h264, "-threads 1 " + device, upload, vaapi},
		{"vaapi", h264, jpeg, device + " -hwaccel vaapi", scale, mjpeg},
		{"vaapi", h264, h264, device + " -hwaccel vaapi", upload, vaapi},
		{"nvenc", jpeg, jpeg, "-threads 1", scale, mjpeg},
		{"nvenc", jpeg, h264, "-threads 1", scale, nvenc},
		{"nvenc", h264, jpeg, "-hwaccel cuda", scale, mjpeg},
		{"nvenc", h264, h264, "-hwaccel cuda", scale, nvenc},
		{"v4l2m2m", jpeg, jpeg, "-threads 1", scale, mjpeg},
		{"v4l2m2m", jpeg, h264, "-threads 1", scale, v4l2},
		{"v4l2m2m", h264, jpeg, "-c:v h264_v4l2m2m", scale, mjpeg},
		{"v4l2m2m", h264, h264, "-c:v h264_v4l2m2m", scale, v4l2},
	} {
		t.Run(test.hwaccel+" "+string(test.from)+" "+string(test.to), func(t *testing.T) {
			muxer := map[media.Codec]string{jpeg: "mjpeg", h264: "h264"}[test.to]
			want := strings.Fields("-hide_banner -nostdin -nostats -loglevel error -copyts " + test.decoder +
				" -flags low_delay -probesize 32 -analyzeduration 0 -protocol_whitelist pipe" +
				" -f matroska -i pipe:0 -map 0:v:0 -filter_threads 1 -vf " + test.filter + " " + test.encoder +
				" -fps_mode passthrough -enc_time_base -1 -flush_packets 1 -f tee [f=framecrc:flush_packets=1]pipe:3|[f=" + muxer +
				":flush_packets=1]pipe:1")
			of := source{test.from, 1280, 720}
			got := arguments(test.hwaccel, rendition{media.Want{Codec: test.to, Width: 640}}.quantize(of), of,
				40*time.Millisecond)
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

// TestFilters has what turns the pictures.
func TestFilters(t *testing.T) {
	of := source{media.H264, 1280, 720}
	for degrees, want := range map[int]string{
		0: "scale=640:360:flags=area", 90: "scale=1137:640:flags=area,transpose=clock",
		180: "scale=640:360:flags=area,hflip,vflip", 270: "scale=1137:640:flags=area,transpose=cclock",
	} {
		got := strings.Join(filters("none", rendition{media.Want{Codec: media.JPEG, Width: 640, Rotate: degrees}}, of)[1:],
			",")
		if got != want {
			t.Errorf("%d degrees: %q, want %q", degrees, got, want)
		}
	}
}
