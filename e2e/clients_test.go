package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// enough is how many pictures each client must show.
const enough = 4

// target is a URL of a camera.
type target struct {
	camera, path string
	kind         string // jpeg, mjpeg, h264 or mp4
	width        int
	alias        bool // another name of a URL that stands in the table too
}

// targets lists the URLs of a camera that is crowsnest's number n. %s is the camera's id.
func targets(camera string, n string) (list []target) {
	for _, t := range []target{
		{"", "/cam/%s.jpeg?max_age=1s", "jpeg", 640, false}, {"", "/cam/%s.jpeg?width=320&max_age=1s", "jpeg", 320, false},
		{"", "/cam/%s.mjpeg", "mjpeg", 640, false}, {"", "/cam/%s.mjpeg?width=320&fps=5", "mjpeg", 320, false},
		{"", "/cam/%s.h264", "h264", 640, false}, {"", "/cam/%s.h264?width=480&bitrate=1000000", "h264", 480, false},
		{"", "/cam/%s.mp4", "mp4", 640, false}, {"", "/cam/%s.mp4?width=320", "mp4", 320, false},
		{"", "/cam/%s/?action=stream&1700000000", "mjpeg", 640, true}, {"", "/cam/%s/?action=snapshot&bypassCache=1",
			"jpeg", 640, true},
		{"", "/cam/%s/stream?extra_headers=1", "mjpeg", 640, true}, {"", "/cam/%s/stream.mjpg", "mjpeg", 640, true},
		{"", "/cam/%s/snapshot", "jpeg", 640, true}, {"", "/cam/%s/snapshot.jpg", "jpeg", 640, true},
		{"", "/cam/%s/video.mp4", "mp4", 640, true}, {"", "/cam/%s/video.h264", "h264", 640, true},
		{"", "/api/stream.mjpeg?src=%s", "mjpeg", 640, true}, {"", "/api/frame.jpeg?src=%s&w=320", "jpeg", 320, true},
		{"", "/api/stream.mp4?src=%s&mse=1", "mp4", 640, true},
		{"", "/webcam" + n + "/?action=stream", "mjpeg", 640, true},
		{"", "/webcam" + n + "/?action=snapshot", "jpeg", 640, true},
	} {
		t.camera = camera
		if strings.Contains(t.path, "%s") {
			t.path = fmt.Sprintf(t.path, camera)
		}
		list = append(list, t)
	}
	return list
}

// player is a program, or what one demands of the bytes.
type player struct {
	name    string
	kinds   string // what it takes
	aliases bool   // whether it is tried with each name of a URL: all take the same way through the hub
	show    func(t *testing.T, from string, to target) []image.Image
}

func players() []player {
	return []player{
		{"ffprobe", "mjpeg h264 mp4", true, ffprobe},
		{"ffmpeg", "mjpeg h264 mp4", false, ffmpegShows},
		{"vlc", "mjpeg h264 mp4", false, vlc},
		{"gstreamer", "jpeg mjpeg h264 mp4", false, gstreamer},
		{"as go2rtc reads", "jpeg mjpeg h264", true, likeGo2rtc},
		{"as Mainsail reads", "jpeg mjpeg", true, likeMainsail},
	}
}

// TestClients shows each kind of camera under each kind of URL in the programs that people use. The clock in each
// picture must go on, and the first one be what the camera took at that time.
func TestClients(t *testing.T) {
	testutil.System(t, "runs many players")
	need(t, "ffmpeg", "ffprobe")
	root, natsURL := startHub(t, hub.Config{DefaultCamera: "card"})
	startAgent(t, natsURL, "card=pattern:#size=640x360&fps=15")
	waitCamera(t, root, "card")
	// The second camera shows the first one's card as H.264, a GOP of 4 s: the clock in it is right, but for the time it
	// takes to encode it.
	clip := "exec:ffmpeg -v error -probesize 32 -f mpjpeg -i " + root +
		"/cam/card.mjpeg -an -c:v libx264 -preset ultrafast -tune zerolatency -threads 1 " +
		"-pix_fmt yuv420p -g 60 -f h264 -#format=h264"
	startAgent(t, natsURL, "film="+clip)
	waitCamera(t, root, "film")
	taken := record(t, natsURL, "card")
	all := slices.Concat(targets("card", ""), targets("film", "2"),
		[]target{{"card", "/?action=stream", "mjpeg", 640, true}, {"card", "/?action=snapshot", "jpeg", 640, true}})
	t.Run("each", func(t *testing.T) {
		for _, to := range all {
			for _, p := range players() {
				if to.alias && !p.aliases || !slices.Contains(strings.Fields(p.kinds), to.kind) {
					continue
				}
				t.Run(p.name+" "+to.path, func(t *testing.T) {
					t.Parallel()
					taken.check(t, p.show(t, root+to.path, to), to)
				})
			}
		}
	})
	t.Run("chromium", func(t *testing.T) { chromium(t, root, all, taken) })
	t.Run("renditions are told", func(t *testing.T) { renditionsTold(t, root) })
}

// ffprobe must find one video stream of the right size. It shows no pictures.
func ffprobe(t *testing.T, from string, to target) []image.Image {
	out := output(t, playTime, "ffprobe", "-v", "error", "-analyzeduration", "300000", "-show_entries",
		"stream=codec_type,codec_name,width,height", "-of", "csv=p=0", from)
	codec := map[string]string{"mjpeg": "mjpeg", "h264": "h264", "mp4": "h264"}[to.kind]
	if got, want := strings.TrimSpace(string(out)), fmt.Sprintf("%s,video,%d,%d", codec, to.width,
		to.width*9/16); got != want {
		t.Errorf("ffprobe says %q, want %q", got, want)
	}
	return nil
}

func ffmpegShows(t *testing.T, from string, _ target) []image.Image {
	out := output(t, playTime, "ffmpeg", "-v", "error", "-nostdin", "-analyzeduration", "300000", "-i", from,
		"-frames:v", fmt.Sprint(enough), "-fps_mode", "passthrough", "-c:v", "png", "-f", "image2pipe", "-")
	var list []image.Image
	for r := bytes.NewReader(out); r.Len() > 0; {
		img, err := png.Decode(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, img)
	}
	return list
}

// vlc shows a stream in VLC without a window. VLC refuses to run as root.
func vlc(t *testing.T, from string, to target) []image.Image {
	need(t, "cvlc", "setpriv")
	dir := picturesDir(t)
	args := []string{"env", "HOME=" + dir, "cvlc", "--intf", "dummy", "--no-audio", "--network-caching", "300",
		"--vout", "dummy",
		"--video-filter", "scene", "--scene-format", "png", "--scene-ratio", "1", "--scene-prefix", "p", "--scene-path", dir,
		// else it makes the pictures higher
		"--scene-width", fmt.Sprint(to.width), "--scene-height", fmt.Sprint(to.width * 9 / 16), from}
	if os.Geteuid() == 0 {
		args = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, args...)
	}
	return shown(t, dir, args)
}

func gstreamer(t *testing.T, from string, to target) []image.Image {
	need(t, "gst-launch-1.0")
	dir := picturesDir(t)
	// Of H.264 this decoder does not say that it has 16 for black and 235 for white.
	decode := map[string]string{
		"jpeg":  "jpegdec",
		"mjpeg": "multipartdemux ! jpegdec",
		"h264":  "h264parse ! openh264dec ! capssetter caps=video/x-raw,colorimetry=bt601",
		"mp4":   "qtdemux ! h264parse ! openh264dec ! capssetter caps=video/x-raw,colorimetry=bt601",
	}[to.kind]
	args := append([]string{"gst-launch-1.0", "-q", "souphttpsrc", "location=" + from, "!"}, strings.Fields(decode)...)
	args = append(args, strings.Fields("! videoconvert ! pngenc compression-level=1 ! multifilesink location="+
		filepath.Join(dir, "p%05d.png"))...)
	if to.kind == "jpeg" { // it ends by itself
		output(t, playTime, args[0], args[1:]...)
		return readPictures(t, dir)
	}
	return shown(t, dir, args)
}

// picturesDir returns a folder that a program may write to that runs as another user, which those of the tests are
// not.
func picturesDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "bramble-pictures-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // in the system's temporary folder
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shown runs a program until it has put enough pictures into a folder.
func shown(t *testing.T, dir string, args []string) []image.Image {
	p := start(t, args[0], args[1:]...)
	testutil.Eventually(t, "enough pictures", func() bool {
		files, err := filepath.Glob(filepath.Join(dir, "*.png"))
		return err == nil && len(files) > enough // the last one may not be complete
	})
	p.kill()
	return readPictures(t, dir)
}

func readPictures(t *testing.T, dir string) (list []image.Image) {
	files, err := filepath.Glob(filepath.Join(dir, "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files[:min(enough, len(files))] {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		_ = f.Close() // it was only read
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, img)
	}
	return list
}

// chromium shows all MP4s, by <video> and by MSE.
func chromium(t *testing.T, root string, all []target, taken *recording) {
	var urls []string
	var tos []target
	for _, to := range all {
		if to.kind == "mp4" && !to.alias {
			urls, tos = append(urls, root+to.path), append(tos, to)
		}
	}
	var result []struct {
		URL, Way string
		Pictures []string
	}
	runBrowser(t, &result, "mp4-pictures.mjs", append(urls, "--pictures", fmt.Sprint(enough))...)
	if len(result) != 2*len(urls) {
		t.Fatalf("%d results", len(result))
	}
	for _, r := range result {
		var list []image.Image
		for _, text := range r.Pictures {
			img, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, img)
		}
		t.Run(r.Way+" "+strings.TrimPrefix(r.URL, root),
			func(t *testing.T) { taken.check(t, list, tos[slices.Index(urls, r.URL)]) })
	}
}
