package web

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/mpjpeg"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

const (
	hour   = time.Hour
	moment = 5 * time.Millisecond
)

// recorder is a response without a socket, for tests in synthetic time. It records what is written, and when.
type recorder struct {
	header http.Header
	start  time.Time

	mu     sync.Mutex
	status int
	took   []byte
	times  []time.Duration // when each write came
}

func (w *recorder) Header() http.Header              { return w.header }
func (w *recorder) FlushError() error                { return nil }
func (w *recorder) SetWriteDeadline(time.Time) error { return nil }

func (w *recorder) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = status
}

func (w *recorder) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, b...)
	if !bytes.Equal(b, mpjpeg.Tail) && !bytes.Equal(b, mpjpeg.Preamble) && !bytes.HasPrefix(b, []byte("Content-Type")) {
		w.times = append(w.times, time.Since(w.start))
	}
	return len(b), nil
}

// answer returns what has come.
func (w *recorder) answer() (*http.Response, []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &http.Response{StatusCode: w.status, Header: w.header}, bytes.Clone(w.took)
}

// request starts a request as HTTP/2 does, with the response on the recorder. stop ends it.
func (h *testServer) request(path string) (w *recorder, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	w = &recorder{header: make(http.Header), start: time.Now()}
	go h.srv.ServeHTTP(w, r) // stop waits for it
	synctest.Wait()
	return w, func() {
		cancel()
		synctest.Wait()
	}
}

// parts returns the parts of the response, and when they came.
func (w *recorder) parts(t *testing.T) (list []shown, times []time.Duration) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	r := bufio.NewReader(bytes.NewReader(w.took))
	if _, err := r.Discard(len(mpjpeg.Preamble)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := r.Peek(1); err != nil {
			break
		}
		list = append(list, readPart(t, r))
	}
	if len(list) != len(w.times) {
		t.Fatalf("%d parts, %d writes of a picture", len(list), len(w.times))
	}
	return list, w.times
}

// wait lets time pass.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// TestMJPEGStill: without a new picture the last one is repeated each second. After 5 s a placeholder replaces it,
// which is drawn again every 5 s.
func TestMJPEGStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestServer(t, stream.Config{})
		desk := h.camera("desk", frame.JPEG)
		picture := desk.picture()
		w, stop := h.request("/cam/desk.mjpeg")
		wait(12*time.Second + time.Millisecond)
		last := desk.picture()
		wait(0)
		stop()
		list, times := w.parts(t)
		var got []string
		for i, p := range list {
			kind := "placeholder"
			switch {
			case bytes.Equal(p.picture, picture):
				kind = "picture"
			case bytes.Equal(p.picture, last):
				kind = "last"
			case i > 0 && bytes.Equal(p.picture, list[i-1].picture):
				kind = "same"
			}
			got = append(got, fmt.Sprintf("%v %s", times[i].Round(10*time.Millisecond), kind))
		}
		want := "[0s picture 1s picture 2s picture 3s picture 4s picture 5s placeholder 6s same 7s same 8s same " +
			"9s same 10s placeholder 11s same 12s same 12s last]"
		if fmt.Sprint(got) != want {
			t.Errorf("got  %v\nwant %s", got, want)
		}
	})
}

// TestMJPEGSlowCamera: a camera with less than one picture a second does not count as away.
func TestMJPEGSlowCamera(t *testing.T) {
	for _, query := range []string{"", "?fps=0.1", "?fps=1"} {
		synctest.Test(t, func(t *testing.T) {
			h := newTestServer(t, stream.Config{})
			desk := h.camera("desk", frame.JPEG)
			w, stop := h.request("/cam/desk.mjpeg" + query)
			for range 15 {
				desk.picture()
				wait(2500 * time.Millisecond)
			}
			stop()
			list, _ := w.parts(t)
			for _, p := range list {
				if !bytes.Contains(p.picture, []byte(" desk ")) {
					t.Fatalf("%s: a placeholder is shown", query)
				}
			}
			if query == "?fps=0.1" && len(list) != 4 {
				t.Errorf("%d pictures in 37.5 s at 0.1 per second", len(list))
			}
		})
	}
}

// TestMJPEGRate: fps is the highest rate. Pictures are spread evenly, whatever the camera's rate.
func TestMJPEGRate(t *testing.T) {
	for _, test := range []struct {
		camera   time.Duration // from picture to picture
		fps      string
		min, max int // parts in 8 s
	}{
		{40 * time.Millisecond, "", 200, 200},
		{40 * time.Millisecond, "?fps=120", 200, 200},
		{40 * time.Millisecond, "?fps=25", 200, 200},
		{40 * time.Millisecond, "?fps=24", 190, 193},
		{40 * time.Millisecond, "?fps=10", 80, 81},
		{40 * time.Millisecond, "?fps=2.5", 20, 21},
		{40 * time.Millisecond, "?fps=1", 8, 9},
		{40 * time.Millisecond, "?fps=0.5", 4, 5},
		{40 * time.Millisecond, "?fps=0.1", 1, 1},
		{66 * time.Millisecond, "?fps=10", 79, 82},
		{300 * time.Millisecond, "?fps=10", 27, 27},
	} {
		t.Run(fmt.Sprint(test.camera, test.fps), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestServer(t, stream.Config{})
				desk := h.camera("desk", frame.JPEG)
				w, stop := h.request("/cam/desk.mjpeg" + test.fps)
				for begin := time.Now(); time.Since(begin) < 8*time.Second; wait(test.camera) {
					desk.picture()
				}
				stop()
				list, _ := w.parts(t)
				if len(list) < test.min || len(list) > test.max {
					t.Errorf("%d parts, want %d to %d", len(list), test.min, test.max)
				}
				for i := range list[1:] {
					if list[i+1].timestamp <= list[i].timestamp {
						t.Fatalf("part %d is of %s, the next of %s", i, list[i].timestamp, list[i+1].timestamp)
					}
				}
			})
		})
	}
}

// TestMJPEGRateThenStill: the last picture before a pause is sent, even if it came too early for the viewer's rate.
// Repeats keep to the rate.
func TestMJPEGRateThenStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestServer(t, stream.Config{})
		desk := h.camera("desk", frame.JPEG)
		w, stop := h.request("/cam/desk.mjpeg?fps=0.5")
		desk.picture()
		wait(100 * time.Millisecond)
		desk.picture()
		wait(4500 * time.Millisecond)
		stop()
		list, times := w.parts(t)
		if len(list) != 3 || list[0].timestamp != unixSeconds(captured(1)) || list[1].timestamp != unixSeconds(captured(2)) {
			t.Fatalf("%d parts at %v", len(list), times)
		}
		for i := range times[1:] {
			if d := times[i+1] - times[i]; d < 2*time.Second {
				t.Errorf("parts %v apart", d)
			}
		}
	})
}

// TestNoFrame: a camera without frames is answered with 503 and the reason after 5 s, in every format that needs a
// frame to begin.
func TestNoFrame(t *testing.T) {
	for path, format := range map[string]frame.Format{"/cam/dark.jpeg": frame.JPEG, "/cam/dark.h264": frame.H264,
		"/cam/dark.mp4": frame.H264} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestServer(t, stream.Config{})
				dark := h.camera("dark", format)
				dark.say(status.Degraded, "the lens cap is on")
				w, stop := h.request(path)
				defer stop()
				wait(5*time.Second - 1)
				if _, body := w.answer(); len(body) > 0 {
					t.Fatal("an answer after less than 5 s")
				}
				wait(1)
				resp, body := w.answer()
				checkProblem(t, resp, body, offline(), []string{"within 5s", "the lens cap is on"})
				if dark.Info().Viewers != 0 {
					t.Error("there is still a viewer")
				}
			})
		})
	}
}

// TestStopWhileWaiting: a request that waits does not succeed when its viewer leaves or the hub stops.
func TestStopWhileWaiting(t *testing.T) {
	for path, format := range map[string]frame.Format{"/cam/dark.jpeg": frame.JPEG, "/cam/dark.h264": frame.H264,
		"/cam/dark.mp4": frame.H264} {
		synctest.Test(t, func(t *testing.T) {
			h := newTestServer(t, stream.Config{})
			h.camera("dark", format)
			w, stop := h.request(path)
			stop()
			resp, body := w.answer()
			checkProblem(t, resp, body, problem.Problem{Title: "Stopping", Status: 503, RetryAfter: 5}, nil)
		})
	}
}
