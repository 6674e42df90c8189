package web

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestShares: a signed link and a viewer each start as many transcodes as they can. Each of the other viewers still
// gets one.
func TestShares(t *testing.T) {
	const most = 4
	g := newSharesFixture(t, most)
	ask := func(path string, header ...string) (c *conn, status int, body string) {
		c = g.send("GET " + path + " HTTP/1.1\r\nHost: hub\r\n" + strings.Join(append(header, "Connection: close", "", ""),
			"\r\n"))
		if c.head(); c.resp.StatusCode != http.StatusOK {
			body = string(c.ends())
		}
		return c, c.resp.StatusCode, body
	}
	anna, root := "Authorization: Bearer "+g.annaToken, "Authorization: Bearer "+g.rootToken
	var last *conn // that the link got
	for _, q := range []int{30, 50, 65, 80, 90, 100} {
		c, status, body := ask(fmt.Sprintf("/cam/porch.mjpeg?quality=%d&link=%s", q, g.valid))
		switch {
		case status == http.StatusOK:
			last = c
		case !strings.Contains(body, "signed link"), c.resp.Header.Get("Retry-After") == "":
			t.Errorf("quality %d: %s", q, body)
		}
	}
	if n := g.running(); n != output.MaxLinkTranscodes {
		t.Errorf("the link has %d transcodes", n)
	}
	for i, q := range []int{30, 50, 65, 80, 90, 100} {
		// A token, a password and a session of one user count as one principal.
		header := []string{anna, "Authorization: " + basic("anna", annaPassword)}[i%2]
		if _, status, body := ask(fmt.Sprintf("/cam/porch.mjpeg?rotate=90&quality=%d", q), header); status != http.StatusOK &&
			!strings.Contains(body, "of them for you") {
			t.Errorf("quality %d: %s", q, body)
		}
	}
	if n := g.running(); n != most {
		t.Errorf("%d transcodes run, of %d that may", n, most)
	}
	c, status, body := ask("/cam/yard.mjpeg?quality=80", root)
	if status != http.StatusOK {
		t.Fatalf("the admin: %d %s", status, body)
	}
	c.preamble()
	for _, u := range units(t, "slices.h264") {
		g.yard.access(u)
	}
	if p := c.part(); len(p.picture) == 0 {
		t.Error("the admin gets no picture")
	}
	last.ends() // it gave way
	_, scrape := g.request(http.MethodGet, "/metrics", "", "Authorization", "Bearer "+g.rootToken)
	values, _ := parseScrape(t, []byte(scrape))
	for name, want := range map[string]string{
		`bramble_hub_viewers_evicted_total{reason="share"}`: "1", `bramble_hub_transcodes_refused_total{limit="link"}`: "4",
		`bramble_hub_transcodes_refused_total{limit="principal"}`: "4",
		`bramble_hub_transcodes_refused_total{limit="all"}`:       "0",
	} {
		if values[name] != want {
			t.Errorf("%s is %s, want %s", name, values[name], want)
		}
	}
}

// running returns how many transcodes there are.
func (g *authFixture) running() int { return len(g.srv.cfg.Transcoder.Renditions(nil)) }

// newSharesFixture returns a authFixture fixture with this maximum of transcodes.
func newSharesFixture(t *testing.T, most int) *authFixture {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed: make test installs it where it can")
	}
	return newAuthFixture(t, func(s *Server) {
		s.cfg.Transcoder = transcode.New(transcode.Config{FFmpeg: ffmpeg, Max: most, Log: testutil.Log(t)})
		s.outputs = s.newOutputs()
		s.ws = s.newWS()
		s.compose()
		testutil.Run(t, s.cfg.Transcoder.Run)
	})
}

// TestSlotGivesWay: a slot whose rendition was preempted gets an error. Another request fails while the other viewer
// is there.
func TestSlotGivesWay(t *testing.T) {
	g := newSharesFixture(t, 1)
	c := g.socket("", "Authorization", "Bearer "+g.annaToken)
	c.say(`{"op":"watch","slot":1,"camera":"yard","kind":"jpeg","quality":30}`)
	for m := c.read(); m.Op != "watching"; m = c.read() { // ffmpeg may need more than a second for its first picture
		if m.Op != "quiet" {
			t.Fatalf("%+v (%+v), want \"watching\"", m, m.Error)
		}
	}
	root := g.stream("/cam/yard.mjpeg?quality=50", "Authorization: Bearer "+g.rootToken)
	root.preamble()
	ended := c.read()
	for ended.Op != "ended" { // pictures came first
		ended = c.read()
	}
	if p := ended.Error; p == nil || p.Status != http.StatusServiceUnavailable || p.RetryAfter == 0 ||
		!strings.Contains(p.Detail, "gave way") {
		t.Errorf("the preempted slot gets %+v", p)
	}
	c.say(`{"op":"watch","slot":2,"camera":"yard","kind":"jpeg","quality":30}`)
	if p := c.expect("ended", 2).Error; p == nil || p.Status != http.StatusServiceUnavailable || p.RetryAfter == 0 ||
		!strings.Contains(p.Detail, "max-transcodes") {
		t.Errorf("a second request gets %+v", p)
	}
}
