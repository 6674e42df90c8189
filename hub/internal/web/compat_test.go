package web

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestAliases requests every URL of other programs.
func TestAliases(t *testing.T) {
	r := populated(t)
	r.srv.cfg.DefaultCamera = "yard"
	const mjpeg, h264, mp4 = "multipart/x-mixed-replace", "video/h264", "video/mp4"
	for path, kind := range map[string]string{
		"/cam/desk/?action=snapshot":                                       "image/jpeg",
		"/cam/desk/?action=snapshot&bypassCache=1700000000":                "image/jpeg",
		"/cam/desk/snapshot":                                               "image/jpeg",
		"/cam/desk/snapshot.jpg?max_delay=0":                               "image/jpeg",
		"/cam/desk/snapshot.jpeg?max_age=1h":                               "image/jpeg",
		"/api/frame.jpeg?src=desk&cache=5s":                                "image/jpeg",
		"/webcam2/?action=snapshot":                                        "image/jpeg", // yard is the first
		"/webcam2?action=snapshot":                                         "image/jpeg",
		"/cam/desk/?action=stream&fps=2":                                   mjpeg,
		"/cam/desk/stream?key=1&extra_headers=1&dual_final_frames=1&fps=5": mjpeg,
		"/cam/desk/stream.mjpg":                                            mjpeg,
		"/cam/desk/stream.mjpeg":                                           mjpeg,
		"/api/stream.mjpeg?src=desk":                                       mjpeg,
		"/webcam2/?action=stream":                                          mjpeg,
		"/cam/yard/video.h264":                                             h264,
		"/cam/yard/video.mp4":                                              mp4,
		"/api/stream.mp4?src=yard":                                         mp4,
		"/api/stream.mp4":                                                  mp4, // the default camera
	} {
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			if method == http.MethodGet && kind != "image/jpeg" {
				continue
			}
			resp, body := r.do(method, path)
			if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), kind) {
				t.Errorf("%s %s: %s, %v, %.300s", method, path, resp.Status, resp.Header, body)
			}
		}
	}
	for path, want := range map[string]problem.Problem{
		"/cam/desk/nothing":         {Title: "Not Found", Status: 404},
		"/cam/desk/?action=dance":   badParameter("action"),
		"/?action=dance":            badParameter("action"),
		"/cam/desk/stream?fps=fast": badParameter("fps"),
		"/webcamx/?action=stream":   {Title: "Not Found", Status: 404},
		"/webcam9/?action=stream": {Title: "Unknown camera", Status: 404,
			Cameras: []string{"desk", "gone", "left", "yard"}},
		"/api/frame.jpeg?src=rtsp://x": {Title: "Unknown camera", Status: 404,
			Cameras: []string{"desk", "gone", "left", "yard"}}, "/webcam/?action=snapshot": noFFmpeg(),
		"/?action=stream":               noFFmpeg(),
		"/cam/gone/?action=snapshot":    offline(),
		"/cam/yard/snapshot.jpg?w=a":    badParameter("width"),
		"/api/stream.mp4?src=desk":      noFFmpeg(),
		"/api/frame.jpeg?src=yard&w=32": noFFmpeg(),
	} {
		resp, body := r.do(http.MethodGet, path)
		checkProblem(t, resp, body, want, nil)
	}
	if resp, _ := r.do(http.MethodGet, "/?cachebust=1"); resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("the page: %v", resp.Header)
	}
	if resp, body := r.do(http.MethodGet, "/cam/desk/"); !strings.HasPrefix(string(body), "<!") {
		t.Errorf("/cam/desk/: %s %.100s", resp.Status, body)
	}
	for path, want := range map[string]string{
		"/cam/desk/state": `"online":true`, "/cam/gone/state": `"online":false`,
		"/api/streams": `"yard":{"consumers":[],"producers":[{`,
	} {
		resp, body := r.do(http.MethodGet, path)
		if resp.StatusCode != 200 || !json.Valid(body) || !bytes.Contains(body, []byte(want)) {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
}

// TestRenditions requests smaller, rotated and lower-quality pictures of a JPEG camera, without ffmpeg.
func TestRenditions(t *testing.T) {
	r := newFixture(t, stream.Config{})
	cam := r.camera("desk", frame.JPEG)
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewYCbCr(image.Rect(0, 0, 640, 360), image.YCbCrSubsampleRatio420),
		nil); err != nil {
		t.Fatal(err)
	}
	cam.stream.Append(media.Packet{Seq: 7, Epoch: cam.epoch, CaptureTime: captured(7), Payload: picture.Bytes(),
		Width: 640, Height: 360})
	for query, want := range map[string]image.Point{
		"": {640, 360}, "?width=300": {320, 180}, "?width=100&quality=50": {160, 90}, "?width=4000": {640, 360},
		"?quality=20": {640, 360}, "?rotate=90": {360, 640}, "?rotate=180&width=320": {320, 180},
		"?rotate=270&width=160": {160, 284},
	} {
		resp, body := r.do(http.MethodGet, "/cam/desk.jpeg"+query)
		cfg, err := jpeg.DecodeConfig(bytes.NewReader(body))
		if err != nil || cfg.Width != want.X || cfg.Height != want.Y {
			t.Errorf("%s: %s, %dx%d, %v; want %v", query, resp.Status, cfg.Width, cfg.Height, err, want)
		}
		if resp.Header.Get("X-Timestamp") != unixSeconds(captured(7)) {
			t.Errorf("%s: headers %v", query, resp.Header)
		}
	}
	stream := r.open("/cam/desk.mjpeg?width=160&fps=1")
	line, err := stream.r.ReadBytes(0xd8) // the picture's SOI
	if err != nil || !bytes.Contains(line, []byte("Content-Length")) {
		t.Errorf("%q, %v", line, err)
	}
	cam.viewers(1)
}
