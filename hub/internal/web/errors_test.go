package web

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// do sends a request and returns the response with its whole body.
func (r *fixture) do(method, path string, header ...string) (*http.Response, []byte) {
	r.t.Helper()
	req, err := http.NewRequest(method, "http://"+r.addr+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp, body
}

// populated returns a hub with a camera of each kind. The cameras gone and left are offline.
func populated(t *testing.T, tune ...func(*Server)) *fixture {
	r := newFixture(t, stream.Config{}, tune...)
	r.camera("desk", frame.JPEG).picture()
	r.camera("gone", frame.JPEG).say(status.Stopped, "")
	r.camera("left", frame.H264).say(status.Stopped, "")
	r.camera("yard", frame.H264).access(units(t, "slices.h264")[0])
	return r
}

// TestAnswers requests every URL whose answer ends.
func TestAnswers(t *testing.T) {
	r := populated(t)
	for _, test := range []struct {
		path   string
		status int
		kind   string // Content-Type
		has    string // in the body
	}{
		{"/", 200, "text/html; charset=utf-8", "<html"},
		{"/cam/desk", 200, "text/html; charset=utf-8", "../assets/"},
		{"/cam/later", 200, "text/html; charset=utf-8", "<html"}, // it may come yet
		{"/assets/app.js", 200, "text/javascript; charset=utf-8", ""},
		{"/bramble-camera.js", 200, "text/javascript; charset=utf-8", "customElements.define"},
		{"/assets/style.css", 200, "text/css; charset=utf-8", ""},
		{"/assets/icon.svg", 200, "image/svg+xml", "<svg"},
		{"/cam/desk.jpeg", 200, "image/jpeg", "desk 1.1"},
		{"/cam/desk.jpg", 200, "image/jpeg", "desk 1.1"},
		{"/cam/desk.jpeg?max_age=1h", 200, "image/jpeg", "desk 1.1"},
		{"/cam/desk.jpeg?max_age=3600&_=1234567&nocache", 200, "image/jpeg", "desk 1.1"},
		{"/cam/desk.jpeg?max_age=", 200, "image/jpeg", "desk 1.1"},
		{"/api/v1/cameras", 200, "application/json", `{"cameras":[{"id":"desk",`},
		{"/api/v1/cameras/yard", 200, "application/json", `{"id":"yard",`},
		{"/api/v1/openapi.yaml", 200, "application/yaml", "openapi: 3.1"},
		{"/healthz", 200, "text/plain; charset=UTF-8", "ok\n"},
		{"/readyz", 200, "text/plain; charset=UTF-8", "ready\n"},
		{"/metrics", 200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", "bramble_hub_cameras"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			t.Run(method+test.path, func(t *testing.T) {
				resp, body := r.do(method, test.path)
				if resp.StatusCode != test.status || resp.Header.Get("Content-Type") != test.kind {
					t.Errorf("%s, Content-Type %q; want %d, %q", resp.Status, resp.Header.Get("Content-Type"), test.status, test.kind)
				}
				if method == http.MethodHead {
					if len(body) > 0 {
						t.Errorf("%d bytes in answer to HEAD", len(body))
					}
				} else if !strings.Contains(string(body), test.has) {
					t.Errorf("%q is not in %.200q", test.has, body)
				}
				checkSecurity(t, resp.Header)
			})
		}
	}
}

func checkSecurity(t *testing.T, h http.Header) {
	t.Helper()
	policy := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'",
		"img-src 'self' blob: data:", "media-src 'self' blob:", "frame-ancestors 'self'",
		"base-uri 'none'", "form-action 'self'"} {
		if !slices.Contains(strings.Split(policy, "; "), want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy allows what is unsafe: %s", policy)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("headers %v", h)
	}
}

// TestProblems requests URLs and parameters that do not exist.
func TestProblems(t *testing.T) {
	r := populated(t)
	known := []string{"desk", "gone", "left", "yard"}
	for _, test := range []struct {
		path   string
		want   problem.Problem
		detail []string // must be in the detail
	}{
		{"/nothing", problem.Problem{Title: "Not Found", Status: 404}, nil},
		{"/assets/nothing.js", problem.Problem{Title: "Not Found", Status: 404}, nil},
		{"/assets/", problem.Problem{Title: "Not Found", Status: 404}, nil},
		{"/assets/../index.html", problem.Problem{Title: "Not Found", Status: 404}, nil},
		{"/assets/%2e%2e/index.html", problem.Problem{Title: "Not Found", Status: 404}, nil},
		{"/api/v1", problem.Problem{Title: "Not Found", Status: 404}, nil},
		{"/cam/desk.gif", problem.Problem{Title: "Not Found", Status: 404},
			[]string{"unknown extension .gif", ".jpeg, .mjpeg, .h264, .mp4 and .ts"}},
		{"/cam/desk.", problem.Problem{Title: "Not Found", Status: 404}, []string{".jpeg, .mjpeg, .h264, .mp4 and .ts"}},
		{"/cam/desk.mjpeg.mp4", problem.Problem{Title: "Not Found", Status: 404}, []string{"unknown extension .mjpeg.mp4"}},
		{"/cam/missing.jpeg", problem.Problem{Title: "Unknown camera", Status: 404, Cameras: known},
			[]string{`"missing"`, "known cameras are desk, gone, left, yard"}},
		{"/cam/missing.mjpeg", problem.Problem{Title: "Unknown camera", Status: 404, Cameras: known}, []string{`"missing"`}},
		{"/cam/missing.h264", problem.Problem{Title: "Unknown camera", Status: 404, Cameras: known}, []string{`"missing"`}},
		{"/cam/missing.mp4", problem.Problem{Title: "Unknown camera", Status: 404, Cameras: known}, []string{`"missing"`}},
		{"/api/v1/cameras/missing", problem.Problem{Title: "Unknown camera", Status: 404, Cameras: known},
			[]string{`"missing"`}},
		{"/cam/DESK", problem.Problem{Title: "Unknown camera", Status: 404, Cameras: known}, []string{"1 to 63 of a-z"}},
		{"/cam/DESK.jpeg", problem.Problem{Title: "Unknown camera", Status: 404, Cameras: known}, []string{"1 to 63 of a-z"}},
		{"/cam/.jpeg", problem.Problem{Title: "Unknown camera", Status: 404, Cameras: known}, []string{"1 to 63 of a-z"}},
		{"/api/v1/cameras/a.b", problem.Problem{Title: "Unknown camera", Status: 404, Cameras: known},
			[]string{"1 to 63 of a-z"}},
		{"/cam/" + strings.Repeat("x", 64) + ".jpeg", problem.Problem{Title: "Unknown camera", Status: 404, Cameras: known},
			[]string{"1 to 63 of a-z"}},

		{"/cam/desk.jpeg?max_age=soon", badParameter("max_age"), []string{`max_age="soon"`, "0s to 1h", "2s"}},
		{"/cam/desk.jpeg?max_age=-1s", badParameter("max_age"), []string{"0s to 1h"}},
		{"/cam/desk.jpeg?max_age=-1", badParameter("max_age"), []string{"0s to 1h"}},
		{"/cam/desk.jpeg?max_age=61m", badParameter("max_age"), []string{"0s to 1h"}},
		{"/cam/desk.jpeg?max_age=3601", badParameter("max_age"), []string{"0s to 1h"}},
		{"/cam/desk.jpeg?max_age=1e300", badParameter("max_age"), nil},
		{"/cam/desk.jpeg?max_age=NaN", badParameter("max_age"), nil},
		{"/cam/desk.jpeg?max_age=%2BInf", badParameter("max_age"), nil},
		{"/cam/desk.jpeg?max_age=" + strings.Repeat("9", 500), badParameter("max_age"), nil},
		{"/cam/desk.mjpeg?fps=fast", badParameter("fps"), []string{`fps="fast"`, "0.1 to 120"}},
		{"/cam/desk.mjpeg?fps=0", badParameter("fps"), []string{"0.1 to 120"}},
		{"/cam/desk.mjpeg?fps=121", badParameter("fps"), []string{"0.1 to 120"}},
		{"/cam/desk.mjpeg?fps=NaN", badParameter("fps"), nil},
		{"/cam/yard.mp4?duration=long", badParameter("duration"), []string{"100ms to 1h"}},
		{"/cam/yard.mp4?duration=0.05", badParameter("duration"), []string{"100ms to 1h"}},
		{"/cam/yard.mp4?duration=2h", badParameter("duration"), []string{"100ms to 1h"}},
		{"/cam/gone.jpeg?max_age=soon", badParameter("max_age"), nil}, // the client's fault comes before the camera's

		{"/cam/desk.jpeg?width=big", badParameter("width"), []string{"16 to 8192"}},
		{"/cam/desk.jpeg?width=0", badParameter("width"), nil},
		{"/cam/desk.mjpeg?quality=101", badParameter("quality"), []string{"1 to 100"}},
		{"/cam/desk.jpeg?rotate=45", badParameter("rotate"), []string{"one of", "90 180 270"}},
		{"/cam/yard.h264?bitrate=1", badParameter("bitrate"), []string{"10000 to"}},
		{"/cam/yard.mp4?width=NaN", badParameter("width"), nil},
		{"/cam/yard.mp4?bitrate=fast", badParameter("bitrate"), nil},

		{"/cam/desk.h264", noFFmpeg(), []string{"apt-get install ffmpeg", "setting ffmpeg"}},
		{"/cam/desk.mp4", noFFmpeg(), []string{"apt-get install ffmpeg"}},
		{"/cam/yard.jpeg", noFFmpeg(), nil},
		{"/cam/yard.jpg", noFFmpeg(), nil},
		{"/cam/yard.mjpeg", noFFmpeg(), nil},
		{"/cam/yard.h264?bitrate=500000", noFFmpeg(), nil},
		{"/cam/yard.mp4?bitrate=100000", noFFmpeg(), nil},

		{"/cam/gone.jpeg", offline(), []string{"camera offline", "the agent was stopped"}},
		{"/cam/gone.jpeg?max_age=0", offline(), []string{"the agent was stopped"}},
		{"/cam/left.h264", offline(), []string{"the agent was stopped"}},
		{"/cam/left.mp4", offline(), []string{"the agent was stopped"}},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			t.Run(method+test.path[:min(len(test.path), 60)], func(t *testing.T) {
				resp, body := r.do(method, test.path)
				checkProblem(t, resp, body, test.want, test.detail)
			})
		}
	}
}

func badParameter(name string) problem.Problem {
	return problem.Problem{Title: "Bad parameter", Status: 400, Parameter: name}
}
func noFFmpeg() problem.Problem {
	return problem.Problem{Title: "ffmpeg is not installed", Status: 503}
}
func offline() problem.Problem {
	return problem.Problem{Title: "Camera offline", Status: 503, RetryAfter: 5}
}

// checkProblem compares an error answer with want, except for its type and detail.
func checkProblem(t *testing.T, resp *http.Response, body []byte, want problem.Problem, detail []string) {
	t.Helper()
	h := resp.Header
	if resp.StatusCode != want.Status || h.Get("Content-Type") != "application/problem+json" ||
		h.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, Content-Type %q, Cache-Control %q; want %d", resp.Status, h.Get("Content-Type"), h.Get("Cache-Control"),
			want.Status)
	}
	retry := ""
	if want.RetryAfter > 0 {
		retry = strconv.Itoa(want.RetryAfter)
	}
	if h.Get("Retry-After") != retry {
		t.Errorf("Retry-After %q, want %q", h.Get("Retry-After"), retry)
	}
	if resp.Request != nil && resp.Request.Method == http.MethodHead {
		if len(body) > 0 {
			t.Errorf("%q in answer to HEAD", body)
		}
		return
	}
	var got problem.Problem
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatalf("%.200q: %v", body, err)
	}
	for _, part := range detail {
		if !strings.Contains(got.Detail, part) {
			t.Errorf("detail %q lacks %q", got.Detail, part)
		}
	}
	if got.Type != "about:blank" || got.Detail == "" || len(got.Detail) > 500 {
		t.Errorf("type %q, detail %q", got.Type, got.Detail)
	}
	if got.Title != want.Title || got.Status != want.Status || got.Parameter != want.Parameter ||
		got.RetryAfter != want.RetryAfter || !slices.Equal(got.Cameras, want.Cameras) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestHeadOfStreams: HEAD of a stream ends at once, even if the camera has no frame yet.
func TestHeadOfStreams(t *testing.T) {
	var log bytes.Buffer
	r := populated(t, func(s *Server) { s.cfg.Log = slog.New(slog.NewTextHandler(&log, nil)); s.compose() })
	for path, kind := range map[string]string{
		"/cam/desk.mjpeg": "multipart/x-mixed-replace; boundary=bramble-part",
		"/cam/gone.mjpeg": "multipart/x-mixed-replace; boundary=bramble-part",
		"/cam/yard.h264":  "video/h264",
		"/cam/yard.mp4":   "video/mp4",
	} {
		resp, body := r.do(http.MethodHead, path)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != kind || len(body) > 0 {
			t.Errorf("%s: %s, %q, %d bytes", path, resp.Status, resp.Header.Get("Content-Type"), len(body))
		}
		checkSecurity(t, resp.Header)
	}
	r.stop()
	if log.Len() > 0 {
		t.Errorf("the log says %s", log.Bytes())
	}
}

func TestOtherMethods(t *testing.T) {
	r := populated(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		for _, path := range []string{"/", "/cam/desk.jpeg", "/cam/desk.mjpeg", "/api/v1/cameras", "/metrics"} {
			resp, body := r.do(method, path)
			checkProblem(t, resp, body, problem.Problem{Title: "Method Not Allowed", Status: 405}, nil)
			if allow := resp.Header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "HEAD") {
				t.Errorf("%s %s: Allow is %q", method, path, allow)
			}
		}
	}
}

// TestPictureHeaders: a picture has its capture time, by the agent's clock, and the time since it reached the hub.
func TestPictureHeaders(t *testing.T) {
	r := newFixture(t, stream.Config{})
	want := r.camera("desk", frame.JPEG).picture()
	resp, body := r.do(http.MethodGet, "/cam/desk.jpeg")
	if !bytes.Equal(body, want) || resp.ContentLength != int64(len(want)) {
		t.Errorf("%q, Content-Length %d; want %q", body, resp.ContentLength, want)
	}
	if got := resp.Header.Get("X-Timestamp"); got != "1767225601.123456" {
		t.Errorf("X-Timestamp %s", got)
	}
	age, err := strconv.ParseFloat(resp.Header.Get("X-Age"), 64)
	if err != nil || age < 0 || age > testutil.Timeout.Seconds() {
		t.Errorf("X-Age %q", resp.Header.Get("X-Age"))
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
}

// TestFresherPicture: a request for a newer picture than the last one waits for it.
func TestFresherPicture(t *testing.T) {
	r := newFixture(t, stream.Config{})
	desk := r.camera("desk", frame.JPEG)
	desk.picture()
	c := r.send("GET /cam/desk.jpeg?max_age=0 HTTP/1.1\r\nHost: hub\r\n\r\n")
	desk.viewers(1)
	want := desk.picture()
	c.head()
	body, err := io.ReadAll(c.resp.Body)
	if err != nil || !bytes.Equal(body, want) {
		t.Errorf("%q, %v; want %q", body, err, want)
	}
	desk.viewers(0)
}

// TestEmptyHub: a hub without cameras reports that, and is not ready.
func TestEmptyHub(t *testing.T) {
	r := newFixture(t, stream.Config{})
	resp, body := r.do(http.MethodGet, "/cam/desk.jpeg")
	checkProblem(t, resp, body, problem.Problem{Title: "Unknown camera", Status: 404}, []string{"no camera is known yet"})
	if resp, body = r.do(http.MethodGet, "/api/v1/cameras"); string(bytes.TrimSpace(body)) != `{"cameras":[]}` {
		t.Errorf("%s: %s", resp.Status, body)
	}
	resp, body = r.do(http.MethodGet, "/readyz")
	checkProblem(t, resp, body, problem.Problem{Title: "Service Unavailable", Status: 503},
		[]string{"no camera is known yet"})
	r.camera("desk", frame.JPEG)
	if resp, body = r.do(http.MethodGet, "/readyz"); resp.StatusCode != 200 {
		t.Errorf("%s: %s", resp.Status, body)
	}
	r.agents.setAway(true)
	resp, body = r.do(http.MethodGet, "/readyz")
	checkProblem(t, resp, body, problem.Problem{Title: "Service Unavailable", Status: 503},
		[]string{"no connection to NATS"})
	if resp, body = r.do(http.MethodGet, "/healthz"); resp.StatusCode != 200 {
		t.Errorf("%s: %s", resp.Status, body)
	}
}

// TestManyCameras: the list of known cameras in an error is bounded.
func TestManyCameras(t *testing.T) {
	r := newFixture(t, stream.Config{})
	for i := range authz.MaxKnown + 20 {
		r.camera("cam-"+strconv.Itoa(i), frame.JPEG)
	}
	_, body := r.do(http.MethodGet, "/cam/missing.jpeg")
	var p problem.Problem
	if err := json.Unmarshal(body, &p); err != nil || len(p.Cameras) != authz.MaxKnown {
		t.Errorf("%d cameras are named, %v", len(p.Cameras), err)
	}
}
