package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// otherOrigin is a web server that has nothing to do with the hub, under another name: the browser takes its pages for
// those of another site. A page has what the parameter body says.
func otherOrigin(t *testing.T) (origin string) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// the browser may leave
		_, _ = io.WriteString(w, "<!doctype html><title>another page</title><body>"+r.URL.Query().Get("body"))
	}))
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
}

// TestEmbedding puts <bramble-camera> and ?embed into a page of another site that the hub allows, and into one that it
// does not.
func TestEmbedding(t *testing.T) {
	testutil.System(t, "shows foreign pages in Chromium")
	t.Parallel()
	origin := otherOrigin(t)
	root, natsURL := startHub(t, hub.Config{AllowOrigins: []string{origin}})
	startAgent(t, natsURL, small("porch"))
	waitCamera(t, root, "porch")
	var shown struct {
		Pictures int
		Frame    string
	}
	runBrowser(t, &shown, "camera-element.mjs", root, origin, "--camera", "porch", "--expect", "picture")
	var refused struct{ State, Text string }
	runBrowser(t, &refused, "camera-element.mjs", root, otherOrigin(t), "--camera", "porch", "--expect", "refusal")
	if !strings.Contains(refused.Text, "--allow-origin") {
		t.Errorf("the element says %q to a page that is not allowed: the remedy is missing", refused.Text)
	}
	t.Logf("%+v %+v", shown, refused)
}

// TestCrossOriginPages has a page of another site load pictures, videos, frames and the like of a hub without
// authentication. The page cannot read them, and must not start the camera unless the hub allows that page.
func TestCrossOriginPages(t *testing.T) {
	testutil.System(t, "shows foreign pages in Chromium")
	t.Parallel()
	for allowed, want := range map[bool]int{false: http.StatusForbidden, true: http.StatusOK} {
		origin, cfg := otherOrigin(t), hub.Config{}
		if allowed {
			cfg.AllowOrigins = []string{origin}
		}
		root, natsURL := startHub(t, cfg)
		startAgent(t, natsURL, small("porch"))
		waitCamera(t, root, "porch")
		var result struct{ Statuses map[string]int }
		runBrowser(t, &result, "cross-origin.mjs", root, origin, "--camera", "porch")
		if len(result.Statuses) < 13 {
			t.Errorf("the page has tried %d ways", len(result.Statuses))
		}
		for way, status := range result.Statuses {
			// the browser names no page, so the hub cannot know that it is allowed
			anonymous := way == "noReferrer" || way == "sandbox"
			video := way == "video" && status == http.StatusServiceUnavailable // without ffmpeg
			kept := status == 0 && !allowed                                    // by the browser
			if status != want && !video && !kept && !(anonymous && status != http.StatusOK) {
				t.Errorf("allowed %v, %s: %d, want %d", allowed, way, status, want)
			}
		}
		resp, err := client(t).Get(root + "/api/v1/cameras/porch")
		if err != nil {
			t.Fatal(err)
		}
		var camera struct {
			Frames int `json:"frames_in"`
		}
		err = json.NewDecoder(resp.Body).Decode(&camera)
		_ = resp.Body.Close() // it was only read
		t.Logf("allowed %v: %v, %d frames", allowed, result.Statuses, camera.Frames)
		if err != nil || (camera.Frames > 0) != allowed {
			t.Errorf("allowed %v: %d frames have come of the camera, %v", allowed, camera.Frames, err)
		}
	}
}

// TestPathPrefix uses the page below a path of a proxy, which takes the path off or says that it does not.
func TestPathPrefix(t *testing.T) {
	t.Parallel()
	root, natsURL := startHub(t, hub.Config{Insecure: true}) // authentication is off, also through the proxy
	startAgent(t, natsURL, small("porch"), "yard=file:../hub/cmd/bramble-hub/clips/garden.h264#fps=10")
	to, err := url.Parse(root)
	if err != nil {
		t.Fatal(err)
	}
	taken := http.StripPrefix("/bramble", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
	}})
	kept := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
		r.Out.Header.Set("X-Forwarded-Prefix", "/bramble")
	}}
	for name, proxy := range map[string]http.Handler{"path taken off": taken, "path kept": kept} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.Handle("/bramble/", proxy)
			srv := httptest.NewServer(mux)
			t.Cleanup(srv.Close)
			var result struct{ Sockets, Kinds []string }
			runBrowser(t, &result, "path-prefix.mjs", srv.URL+"/bramble", "--cameras", "2", "--camera", "porch")
			if !slices.Equal(result.Kinds, []string{"canvas", "video"}) {
				t.Errorf("tiles are %v", result.Kinds)
			}
			for _, socket := range result.Sockets {
				if !strings.HasSuffix(socket, "/bramble/ws") {
					t.Errorf("a WebSocket to %s", socket)
				}
			}
		})
	}
}

// TestNoVideo shows an H.264 camera in a browser that cannot play it: as JPEGs.
func TestNoVideo(t *testing.T) {
	testutil.System(t, "waits in Chromium")
	t.Parallel()
	need(t, "ffmpeg")
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, "yard=file:../hub/cmd/bramble-hub/clips/garden.h264#fps=10")
	var result struct {
		Cameras []struct{ State, Kind string }
	}
	runBrowser(t, &result, "grid.mjs", root, "--cameras", "1", "--no-video")
	if len(result.Cameras) != 1 || result.Cameras[0].Kind != "canvas" {
		t.Errorf("tiles are %+v, want one canvas", result.Cameras)
	}
}

// TestLowFrameRate shows a camera of one frame a second: the picture on the screen is the newest one, not the one
// before.
func TestLowFrameRate(t *testing.T) {
	testutil.System(t, "plays slow cameras in Chromium")
	t.Parallel()
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, "slow=pattern:#size=320x180&fps=1")
	var result struct {
		Received, Seen int
		Within         []int `json:"within_ms"`
	}
	runBrowser(t, &result, "low-frame-rate.mjs", root, "--camera", "slow")
	if result.Seen < result.Received/2 {
		// shown with the next one, none would have been seen; a busy machine may look too late
		t.Errorf("of %d frames only %d were on the screen before the next one came", result.Received, result.Seen)
	}
	t.Logf("%+v", result)
}
