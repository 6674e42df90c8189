package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// site is a hub and its agents, as programs of their own, for a page that is told to lose them.
type site struct {
	t          *testing.T
	http, nats string // addresses that stay
	hub        *process
	victim     *process // agent of the camera that dies
	victimArgs []string
}

// startHub starts the hub program, or starts it again.
func (s *site) startHub() {
	s.hub = start(s.t, binary("bramble-hub"), "--http", s.http, "--nats", s.nats, "--log-format", "json")
	s.hub.page()
}

func (s *site) startVictim() {
	s.victim = start(s.t, binary("bramble-agent"), s.victimArgs...)
}

// control lets a script do to the site what its path says. It answers when that is done.
func (s *site) control() (url string) {
	mux := http.NewServeMux()
	for path, do := range map[string]func(){
		"/kill":      func() { s.victim.kill() },
		"/revive":    func() { s.startVictim() },
		"/stop-hub":  func() { s.hub.kill() },
		"/start-hub": func() { s.startHub() },
	} {
		mux.HandleFunc("POST "+path, func(http.ResponseWriter, *http.Request) { do() })
	}
	srv := httptest.NewServer(mux)
	s.t.Cleanup(srv.Close)
	return srv.URL
}

// startSite starts a hub with cameras of both formats, each a process as a user has it. One of them, victim, has an
// agent of its own.
func startSite(t *testing.T, jpegs, h264s int) *site {
	s := &site{t: t, http: freePort(t), nats: freePort(t)}
	s.startHub()
	var cameras []string
	for i := range jpegs - 1 {
		cameras = append(cameras, fmt.Sprintf("lab-%02d=pattern:#size=320x180&fps=5", i+1))
	}
	for i := range h264s {
		cameras = append(cameras, fmt.Sprintf("yard-%02d=file:../hub/cmd/bramble-hub/clips/garden.h264#fps=10", i+1))
	}
	startAgent(t, "nats://"+s.nats, cameras...)
	s.victimArgs = []string{"--hub", "nats://" + s.nats, "--camera", "victim=pattern:#size=320x180&fps=10"}
	s.startVictim()
	waitCamera(t, "http://"+s.http, "victim")
	return s
}

// TestDashboard opens a page of 25 cameras in Chromium: all move, over one WebSocket; what is not seen costs nothing;
// cameras and the hub die and come back.
func TestDashboard(t *testing.T) {
	testutil.System(t, "plays 25 cameras in Chromium")
	t.Parallel()
	const jpegs, h264s = 17, 8
	s := startSite(t, jpegs, h264s)
	var result struct {
		Moving struct{ Canvases, Videos int }
		Hidden struct {
			BackMS int `json:"back_ms"`
		}
		Scrolled struct {
			BackMS int  `json:"back_ms"`
			AgeMS  *int `json:"age_ms"`
		}
		Killed struct {
			OfflineMS int `json:"offline_ms"`
		}
		Restarted struct {
			LostMS int `json:"lost_ms"`
			BackMS int `json:"back_ms"`
		}
	}
	runBrowser(t, &result, "dashboard.mjs", "http://"+s.http, "--control", s.control(), "--cameras",
		fmt.Sprint(jpegs+h264s), "--victim", "victim")
	if result.Moving.Canvases != jpegs || result.Moving.Videos != h264s {
		t.Errorf("%d canvases and %d videos, want %d and %d", result.Moving.Canvases, result.Moving.Videos, jpegs, h264s)
	}
	if age := result.Scrolled.AgeMS; age == nil {
		t.Error("the victim's picture shows no clock")
	}
	t.Logf("%+v", result)
}
