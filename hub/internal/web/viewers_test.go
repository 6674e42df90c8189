package web

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/output/ws"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestViewersEnd changes credentials: the viewers whose access ends are disconnected, and no others.
func TestViewersEnd(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*authFixture, *credstore.File) error
		lost   []string
	}{
		"user removed": {
			func(_ *authFixture, d *credstore.File) error { return d.RemoveUser("anna") },
			[]string{"session", "basic", "token"},
		},
		"user disabled": {
			func(_ *authFixture, d *credstore.File) error {
				off := false
				return d.SetUser("anna", "", nil, &off)
			},
			[]string{"session", "basic", "token"},
		},
		"new password": {
			func(_ *authFixture, d *credstore.File) error { return d.SetPassword("anna", "a new one, long enough") },
			[]string{"session", "basic"},
		},
		"token removed": {
			func(g *authFixture, d *credstore.File) error { return d.RemoveToken(g.annaTokenID) },
			[]string{"token"},
		},
		"another grant": {
			func(_ *authFixture, d *credstore.File) error { return d.SetUser("anna", "", []string{"yard"}, nil) },
			[]string{"session", "basic", "token"},
		},
		"links revoked": {
			func(_ *authFixture, d *credstore.File) error { d.RenewLinkKey(); return nil },
			[]string{"session", "link"},
		},
		"another user": {
			func(_ *authFixture, d *credstore.File) error { return d.RemoveUser("nora") },
			nil,
		},
		"same grant by another pattern": {
			func(_ *authFixture, d *credstore.File) error { return d.SetUser("anna", "", []string{"po*"}, nil) },
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newAuthFixture(t)
			streams := map[string]*conn{
				"session": g.stream("/cam/porch.mjpeg", "Cookie: "+g.login("anna", annaPassword)),
				"basic":   g.stream("/cam/porch.mjpeg", "Authorization: "+basic("anna", annaPassword)),
				"token":   g.stream("/cam/porch.mjpeg", "Authorization: Bearer "+g.annaToken),
				"link":    g.stream("/cam/porch.mjpeg?link=" + g.valid),
				"root":    g.stream("/cam/porch.mjpeg", "Authorization: Bearer "+g.rootToken),
			}
			g.porch.viewers(len(streams))
			changed := make(chan struct{}, 1)
			g.store.OnChange(func(*credstore.Snapshot) { changed <- struct{}{} })
			g.edit(func(d *credstore.File) error { return test.change(g, d) })
			testutil.Receive(t, "the change", changed)
			for _, who := range test.lost {
				streams[who].ends()
			}
			g.porch.viewers(len(streams) - len(test.lost))
			g.srv.tracker.Revalidate()
			g.porch.viewers(len(streams) - len(test.lost))
			want := g.porch.picture()
			for who, c := range streams {
				if !slices.Contains(test.lost, who) {
					c.preamble()
					if got := c.partOf(g.porch.seq); string(got.picture) != string(want) {
						t.Errorf("%s has lost the stream", who)
					}
				}
			}
		})
	}
}

// TestLinkExpires watches by a link whose time then passes: the stream ends.
func TestLinkExpires(t *testing.T) {
	var later atomic.Bool
	g := newAuthFixture(t, afterwards(&later))
	text, err := signedlink.Sign(g.store.Snapshot().LinkKey(), signedlink.Link{Camera: "porch", Formats: []string{"mjpeg"},
		Expires: time.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	viewer := g.stream("/cam/porch.mjpeg?link=" + secretLog.hide("link", text.Reveal()))
	g.srv.tracker.Revalidate()
	g.porch.viewers(1)
	later.Store(true)
	g.srv.tracker.Revalidate()
	viewer.ends()
	g.porch.viewers(0)
}

// afterwards makes the server revalidate viewers by a clock that is two minutes ahead once later is true.
func afterwards(later *atomic.Bool) func(*Server) {
	return func(s *Server) {
		s.now = func() time.Time {
			if later.Load() {
				return time.Now().Add(2 * time.Minute)
			}
			return time.Now()
		}
	}
}

// TestSocketGrants changes and removes a user who has a WebSocket. The list and the slots follow the grants, and the
// WebSocket ends with the user.
func TestSocketGrants(t *testing.T) {
	g := newAuthFixture(t)
	nora := g.socket("", "Cookie", g.login("nora", annaPassword))
	nora.say(`{"op":"roster"}`)
	if m := nora.expect("roster", 0); !m.All || len(m.Cameras) != 0 {
		t.Errorf("nora sees %+v", m)
	}
	nora.say(`{"op":"watch","slot":1,"camera":"porch","kind":"jpeg"}`)
	if m := nora.expect("ended", 1); m.Error.Status != 404 || len(m.Error.Cameras) != 0 ||
		m.Error.Detail != `unknown camera "porch": no camera is known yet` {
		t.Errorf("nora gets %+v", m.Error)
	}
	cookie := g.login("anna", annaPassword)
	anna := g.socket("", "Cookie", cookie)
	anna.say(`{"op":"roster"}`)
	if m := anna.expect("roster", 0); len(m.Cameras) != 2 {
		t.Errorf("anna sees %+v", m)
	}
	anna.say(`{"op":"watch","slot":1,"camera":"porch","kind":"jpeg"}`)
	anna.expect("watching", 1)
	anna.frame(1)
	g.porch.viewers(1)
	g.edit(func(d *credstore.File) error { return d.SetUser("anna", "", []string{"yard"}, nil) })
	ended, all := false, false
	for !ended || !all {
		switch m := anna.read(); m.Op {
		case "ended":
			ended = m.Error != nil && m.Error.Status == 403
		case "roster":
			all = m.All && len(m.Cameras) == 1 && m.Cameras[0].ID == "yard"
		}
	}
	g.porch.viewers(0)
	g.edit(func(d *credstore.File) error { return d.RemoveUser("anna") })
	if code := anna.ends(); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %v", code)
	}
}

// TestSocketLink: a signed link opens /ws for its camera, in its formats.
func TestSocketLink(t *testing.T) {
	g := newAuthFixture(t)
	text, err := signedlink.Sign(g.store.Snapshot().LinkKey(), signedlink.Link{Camera: "porch", Formats: []string{"mjpeg"},
		Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	c := g.socket("?camera=porch&link=" + secretLog.hide("link", text.Reveal()))
	c.say(`{"op":"roster"}`)
	if m := c.expect("roster", 0); len(m.Cameras) != 1 || m.Cameras[0].ID != "porch" ||
		!slices.Equal(m.Cameras[0].Formats, []string{"jpeg", "mjpeg"}) {
		t.Errorf("%+v", m.Cameras)
	}
	c.say(`{"op":"watch","slot":1,"camera":"porch","kind":"mp4"}`)
	if m := c.expect("ended", 1); m.Error.Status != 403 {
		t.Errorf("%+v", m.Error)
	}
	c.say(`{"op":"watch","slot":2,"camera":"yard","kind":"mp4"}`)
	if m := c.expect("ended", 2); m.Error.Status != 404 {
		t.Errorf("%+v", m.Error)
	}
	c.say(`{"op":"watch","slot":3,"camera":"porch","kind":"jpeg"}`)
	c.expect("watching", 3)
	c.frame(3)
}

// TestFirstUser adds the first user to an open hub: its viewers are disconnected.
func TestFirstUser(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	keeper, err := credstore.Open(file, testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	keeper.CheckInterval = moment
	h := newTestServer(t, stream.Config{})
	h.srv = New(Config{
		Registry: h.reg, Transcoder: h.tr, Outputs: outputs.All(), Connected: h.agents.Connected, Credentials: keeper,
		Auth: newAuth(keeper, file, testutil.Log(t)), RuntimeConfig: RuntimeConfig{AllowHosts: []string{"hub"}},
		Log: testutil.Log(t),
	})
	r := runFixture(t, h)
	testutil.Run(t, keeper.Run)
	desk := r.camera("desk", frame.JPEG)
	desk.picture()
	viewer, socket := r.mjpeg("/cam/desk.mjpeg"), r.dial()
	viewer.part()
	err = credstore.Edit(file, func(d *credstore.File) error {
		return d.AddUser("anna", permission.Viewer, []string{"*"}, annaPassword)
	})
	if err != nil {
		t.Fatal(err)
	}
	viewer.ends()
	desk.viewers(0)
	if code := socket.ends(); code != websocket.StatusPolicyViolation {
		t.Errorf("the WebSocket is closed with %v", code)
	}
	if resp, _ := r.do(http.MethodGet, "/cam/desk.jpeg"); resp.StatusCode != http.StatusUnauthorized {
		t.Error(resp.Status)
	}
}

// TestLimits: a viewer beyond a limit gets the name of the limit, and is counted. When a viewer leaves another one
// is admitted.
func TestLimits(t *testing.T) {
	for limit, test := range map[string]struct {
		limits viewers.Limits
		status int
		says   string
	}{
		viewers.LimitAll:     {viewers.Limits{Viewers: 3}, 503, "max-viewers allows"},
		viewers.LimitAddress: {viewers.Limits{PerAddress: 3}, 429, "max-viewers-per-address allows"},
		viewers.LimitCamera:  {viewers.Limits{PerCamera: 3}, 503, "max-viewers-per-camera allows"},
	} {
		r := newFixture(t, stream.Config{}, fast, func(s *Server) { s.tracker.SetLimits(test.limits) })
		r.camera("desk", frame.JPEG).picture()
		g := &authFixture{fixture: r}
		from := "X-Forwarded-For: 2001:db8::"
		var streams []*conn
		for i := range 3 {
			streams = append(streams, r.stream("/cam/desk.mjpeg", fmt.Sprint(from, i)))
		}
		for _, path := range []string{"/cam/desk.mjpeg", "/cam/desk.jpeg"} {
			resp, body := g.request(http.MethodGet, path, "", "X-Forwarded-For", "2001:db8::99")
			if resp.StatusCode != test.status || !strings.Contains(body, test.says) || resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s: %s %s", limit, resp.Status, body)
			}
		}
		values, _ := r.scrape()
		if got := values[`bramble_hub_viewers_refused_total{limit="`+limit+`"}`]; got != "2" {
			t.Errorf("%s: %s are counted", limit, got)
		}
		if limit == viewers.LimitAddress { // another network, and those on this host
			for _, header := range []string{"X-Forwarded-For: 2001:db8:1::1", "X-Other: 1"} {
				r.stream("/cam/desk.jpeg", header)
			}
		}
		_ = streams[0].Close() // it leaves
		g.eventually(http.StatusOK, "/cam/desk.jpeg", "X-Forwarded-For", "2001:db8::99")
	}
}

// TestSocketLimits: a WebSocket and each of its slots count as viewers.
func TestSocketLimits(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.tracker.SetLimits(viewers.Limits{Viewers: 3}) })
	r.camera("desk", frame.JPEG).picture()
	c := r.dial()
	for slot := 1; slot <= 2; slot++ {
		c.say(`{"op":"watch","slot":%d,"camera":"desk","kind":"jpeg"}`, slot)
		c.expect("watching", uint32(slot))
		c.frame(uint32(slot))
	}
	c.say(`{"op":"watch","slot":3,"camera":"desk","kind":"jpeg"}`)
	for {
		m := c.read()
		if m.Op != "ended" {
			continue
		}
		if m.Slot != 3 || m.Error.Status != 503 || m.Error.RetryAfter == 0 ||
			!strings.Contains(m.Error.Detail, "max-viewers") {
			t.Errorf("%+v", m.Error)
		}
		break
	}
	if _, _, err := websocket.Dial(c.ctx, "ws://"+r.addr+"/ws",
		&websocket.DialOptions{Subprotocols: []string{ws.Subprotocol}}); err == nil {
		t.Error("a fourth is let in")
	}
	_ = c.ws.CloseNow() // it goes
	testutil.Eventually(t, "no viewer is left", func() bool { return r.srv.tracker.Len() == 0 })
}
