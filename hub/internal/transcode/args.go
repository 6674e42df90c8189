package transcode

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/media"
)

// HWAccels are the names of the presets for hardware: what decodes and encodes H.264.
func HWAccels() []string { return []string{"none", "vaapi", "nvenc", "v4l2m2m"} }

const (
	keyInterval   = 2 // seconds between key frames of what is encoded here
	decodeThreads = 1 // with more, ffmpeg decodes several frames at once, and each thread delays by a frame
	encodeThreads = 2
)

// arguments returns ffmpeg's command line for a rendition of a source with pictures of this size, one every interval.
// It reads Matroska from standard input, and encodes the frames whose time is an odd number of ticks. For each it
// says on descriptor 3 which it is and how long, and writes it to standard output.
func arguments(hwaccel string, r rendition, of source, interval time.Duration) []string {
	args := []string{"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-copyts"}
	args = append(args, decoder(hwaccel, of.codec)...)
	// Without these ffmpeg looks at seconds of video before it begins. Not with -fflags nobuffer: that loses the first
	// frame.
	args = append(args, "-flags", "low_delay", "-probesize", "32", "-analyzeduration", "0",
		"-protocol_whitelist", "pipe", "-f", "matroska", "-i", "pipe:0", "-map", "0:v:0")
	args = append(args, "-filter_threads", "1", "-vf", strings.Join(filters(hwaccel, r, of), ","))
	muxer := "mjpeg"
	if r.Codec == media.H264 {
		muxer = "h264"
		args = append(args, h264Encoder(hwaccel, r, of, interval)...)
	} else {
		args = append(args, "-c:v", "mjpeg", "-threads", "1", "-huffman", "default", "-pix_fmt", "yuvj420p",
			"-q:v", strconv.Itoa(qscale(r.Quality)))
	}
	// Passthrough, so that no frame is invented or left out. The list of frames comes before the frames: who reads it
	// must know how much to take.
	return append(args, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-flush_packets", "1",
		"-f", "tee", "[f=framecrc:flush_packets=1]pipe:3|[f="+muxer+":flush_packets=1]pipe:1")
}

func decoder(hwaccel string, f media.Codec) []string {
	threads := []string{"-threads", strconv.Itoa(decodeThreads)}
	if f != media.H264 {
		if hwaccel == "vaapi" {
			return append(threads, "-vaapi_device", vaapiDevice)
		}
		return threads
	}
	switch hwaccel {
	case "vaapi":
		// The pictures come back to memory, so that all filters work, and ffmpeg falls back to software where the
		// hardware cannot.
		return []string{"-vaapi_device", vaapiDevice, "-hwaccel", "vaapi"}
	case "nvenc":
		return []string{"-hwaccel", "cuda"}
	case "v4l2m2m":
		return []string{"-c:v", "h264_v4l2m2m"}
	}
	return threads
}

const vaapiDevice = "/dev/dri/renderD128"

func filters(hwaccel string, r rendition, of source) []string {
	list := []string{`select=mod(pts\,2)`}
	if w, h := r.size(of.width, of.height); w != of.width || h != of.height {
		list = append(list, fmt.Sprintf("scale=%d:%d:flags=area", w, h))
	}
	switch r.Rotate {
	case 90:
		list = append(list, "transpose=clock")
	case 180:
		list = append(list, "hflip", "vflip")
	case 270:
		list = append(list, "transpose=cclock")
	}
	if hwaccel == "vaapi" && r.Codec == media.H264 {
		list = append(list, "format=nv12", "hwupload")
	}
	return list
}

func h264Encoder(hwaccel string, r rendition, of source, interval time.Duration) []string {
	fps := max(1, float64(time.Second)/float64(max(interval, time.Millisecond)))
	bitrate := r.Bitrate
	if bitrate == 0 {
		w, h := r.size(of.width, of.height)
		bitrate = min(max(int(0.1*float64(w*h)*fps), 250_000), 8_000_000)
	}
	rate := strconv.Itoa(bitrate)
	gop := strconv.Itoa(int(math.Ceil(keyInterval * fps)))
	common := []string{"-bf", "0", "-g", gop, "-b:v", rate, "-maxrate", rate, "-bufsize", rate,
		"-force_key_frames", fmt.Sprintf("expr:gte(t,n_forced*%d)", keyInterval), "-forced-idr", "1"}
	switch hwaccel {
	case "vaapi":
		return append([]string{"-c:v", "h264_vaapi", "-async_depth", "1"}, common[:len(common)-2]...)
	case "nvenc":
		return append([]string{"-c:v", "h264_nvenc", "-preset", "p2", "-tune", "ull", "-zerolatency", "1", "-delay", "0",
			"-pix_fmt", "yuv420p"}, common...)
	case "v4l2m2m":
		return append([]string{"-c:v", "h264_v4l2m2m", "-pix_fmt", "yuv420p"}, common[:len(common)-2]...)
	}
	x264 := []string{"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-sc_threshold", "0",
		"-pix_fmt", "yuv420p", "-threads", strconv.Itoa(encodeThreads)}
	return append(x264, common...)
}

// qscale is ffmpeg's measure of the quality of a JPEG, 2 to 31. Its tables are MPEG's, on average 8 times finer than
// libjpeg's at a scale of 17.
func qscale(quality int) int {
	scale := 200 - 2*quality // as libjpeg has it, in percent of the tables in the standard
	if quality < 50 {
		scale = 5000 / max(1, quality)
	}
	return min(max((17*scale+50)/100, 2), 31)
}
