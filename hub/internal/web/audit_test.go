package web

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// auditLines collects the log lines of viewings.
type auditLines struct {
	mu    sync.Mutex
	lines []map[string]any
}

func (a *auditLines) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var line map[string]any
	err := json.Unmarshal(b, &line)
	a.lines = append(a.lines, line)
	return len(b), err
}

func (a *auditLines) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(a, nil)) }

// of returns the lines of an event about a user with one kind of proof.
func (a *auditLines) of(event, user, by, format string) (found []map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.lines {
		if l["audit"] == event && l["user"] == user && l["by"] == by && l["format"] == format {
			found = append(found, l)
		}
	}
	return found
}

// TestViewingsAreAudited watches in every format and by every kind of URL. Each viewing is logged with the user,
// their proof, the camera, the start and the end.
func TestViewingsAreAudited(t *testing.T) {
	lines := &auditLines{}
	g := newAuthFixture(t, fast, func(s *Server) {
		s.cfg.Log = lines.logger()
		s.tracker = s.newTracker()
		s.outputs = s.newOutputs()
		s.ws = s.newWS()
		s.compose()
	})
	bearer := "Authorization: Bearer " + g.annaToken
	link := "?link=" + g.valid
	streams := []*conn{
		g.stream("/cam/porch.mjpeg", "Cookie: "+g.login("anna", annaPassword)), g.stream("/cam/porch/stream.mjpg", bearer),
		g.stream("/cam/yard.h264", bearer), g.stream("/cam/yard.mp4", bearer), g.stream("/cam/porch.mjpeg" + link),
	}
	for _, c := range streams {
		c.some()
	}
	ws := g.socket("", "Authorization", "Bearer "+g.ottoToken)
	ws.say(`{"op":"watch","slot":1,"camera":"porch","kind":"jpeg"}`)
	ws.expect("watching", 1)
	ws.frame(1)
	for _, path := range []string{"/cam/porch.jpeg", "/cam/porch.jpg", "/cam/porch/snapshot",
		"/api/frame.jpeg?src=porch"} {
		if resp, _ := g.request(http.MethodGet, path, "", "Authorization",
			"Bearer "+g.ottoToken); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	// None of these has seen anything.
	g.request(http.MethodGet, "/cam/porch.jpeg", "", "Cookie", g.login("nora", annaPassword))
	g.request(http.MethodHead, "/cam/porch.jpeg", "", "Authorization", "Bearer "+g.rootToken)
	nora := g.socket("", "Cookie", g.login("nora", annaPassword))
	nora.say(`{"op":"watch","slot":1,"camera":"porch","kind":"jpeg"}`)
	nora.expect("ended", 1)

	g.srv.tracker.Revalidate()
	for _, c := range streams {
		_ = c.Close() // as a viewer does
	}
	ws.say(`{"op":"unwatch","slot":1}`)
	g.porch.viewers(0)
	g.yard.viewers(0)
	testutil.Eventually(t, "all have left", func() bool {
		g.srv.tracker.Revalidate()
		return g.srv.tracker.Len() <= 2 // the WebSockets
	})
	g.srv.tracker.EndAudit()
	for _, want := range []struct {
		user, by, camera, format, proof string
		pieces                          float64
	}{
		{"anna", "session", "porch", "mjpeg", "", 1}, {"anna", "token", "porch", "mjpeg", g.annaTokenID, 1},
		{"anna", "token", "yard", "h264", g.annaTokenID, 1},
		{"anna", "token", "yard", "mp4", g.annaTokenID, 1}, {"link", "link", "porch", "mjpeg", "expires 20", 1},
		{"otto", "token", "porch", "mjpeg", "", 1},
		{"otto", "token", "porch", "jpeg", "", 4},
	} {
		for _, event := range []string{"view.begin", "view"} {
			found := lines.of(event, want.user, want.by, want.format)
			if len(found) != 1 {
				t.Errorf("%d lines %s of %s by %s, %s: %v", len(found), event, want.user, want.by, want.format, lines.lines)
				continue
			}
			l := found[0]
			if proof, _ := l["proof"].(string); l["camera"] != want.camera || l["address"] != "127.0.0.1" ||
				!strings.HasPrefix(proof, want.proof) || l["from"] == nil {
				t.Errorf("%v, want %+v", l, want)
			}
			if event == "view" && (l["pieces"] != want.pieces || l["bytes"].(float64) < 10 ||
				l["to"] == nil) { //nolint:forcetypeassert // a number
				t.Errorf("%v, want %+v", l, want)
			}
		}
	}
	if n := len(lines.lines); n != 14 || strings.Contains(fmt.Sprint(lines.lines), g.valid) {
		t.Errorf("%d lines: %v", n, lines.lines)
	}
}

// some reads the beginning of a stream.
func (c *conn) some() {
	c.t.Helper()
	if _, err := c.r.Peek(200); err != nil {
		c.t.Fatal(err)
	}
}

// TestViewingsEndWithTheHub stops the hub: all viewings end and are logged.
func TestViewingsEndWithTheHub(t *testing.T) {
	lines := &auditLines{}
	g := newAuthFixture(t, fast, func(s *Server) {
		s.cfg.Log = lines.logger()
		s.tracker = s.newTracker()
		s.outputs = s.newOutputs()
		s.ws = s.newWS()
		s.compose()
	})
	c := g.stream("/cam/porch.mjpeg", "Authorization: Bearer "+g.annaToken)
	c.some()
	g.stop()
	if found := lines.of("view", "anna", "token", "mjpeg"); len(found) != 1 {
		t.Errorf("%v", lines.lines)
	}
}
