package golden

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// TestUsers asks a hub with users for everything, as each kind of principal.
func TestUsers(t *testing.T) {
	r := guarded(t, nil)
	t.Run("routes", func(t *testing.T) {
		var list []request
		for _, header := range [][]string{
			nil, {"Cookie: ${NORA-COOKIE}"}, {"Cookie: ${ANNA-COOKIE}"}, {"Cookie: ${OTTO-COOKIE}"},
			{"Authorization: Bearer ${ADMIN-TOKEN}"},
		} {
			list = append(list, with(gets("/", "/cam/desk", "/cam/desk.jpeg", "/api/v1/me", "/api/v1/hub", "/api/v1/cameras",
				"/api/v1/cameras/desk",
				"/api/v1/cameras/desk/controls", "/metrics", "/ws", "/api/streams", "/healthz", "/readyz", "/assets/style.css"),
				header...)...)
			list = append(list, post("/api/v1/cameras/desk/controls", `{"fps":5}`, header...))
		}
		r.on(t).record("http-users.txt", list)
	})
	t.Run("credentials", func(t *testing.T) { r.on(t).record("http-credentials.txt", credentials()) })
	t.Run("login", func(t *testing.T) { r.on(t).record("http-login.txt", logins()) })
	t.Run("WebSocket", func(t *testing.T) { r.on(t).ended() })
}

// credentials are requests with right and wrong credentials of each kind.
func credentials() []request {
	html := []string{"Accept: text/html,*/*"}
	list := []request{
		{target: "/cam/desk.jpeg?link=${LINK}"},
		{target: "/cam/desk.jpg?link=${LINK}"},
		{target: "/cam/desk?link=${LINK}"},
		{target: "/cam/desk.mp4?link=${LINK}"},
		{target: "/cam/yard.jpeg?link=${LINK}"},
		{target: "/api/v1/cameras?link=${LINK}"},
		{target: "/cam/desk.jpeg?link=wrong"},
		{target: "/cam/desk.jpeg", header: []string{"Authorization: Bearer ${ANNA-TOKEN}"}},
		{target: "/metrics", header: []string{"Authorization: Bearer ${ANNA-TOKEN}"}},
		{target: "/cam/desk.jpeg", header: []string{"Authorization: Bearer bt_wrong"}},
		{target: "/cam/desk.jpeg", header: []string{"Authorization: Basic YW5uYTpjb3JyZWN0IGhvcnNlIGJhdHRlcnk="}},
		{target: "/cam/desk.jpeg", header: []string{"Authorization: Basic YW5uYTp3cm9uZw=="}},
		{target: "/cam/desk.jpeg", header: []string{"Authorization: Digest x"}},
		{target: "/cam/desk.jpeg", header: []string{"Cookie: bramble_session=wrong"}},
		{target: "/cam/desk.jpeg", header: []string{"Cookie: ${ANNA-COOKIE}", "Origin: https://example.org"}},
		{target: "/cam/desk.jpeg", header: []string{"Cookie: ${ANNA-COOKIE}", "Host: example.org"}},
		{target: "/", header: html},
		{target: "/cam/desk?embed&x=1", header: html},
		{target: "/cam/desk.jpeg?link=wrong", header: html},
		{target: "/api/v1/cameras/desk", header: html},
		post("/api/v1/cameras/desk/controls", `{"fps":5}`, "Cookie: ${OTTO-COOKIE}", "Origin: https://example.org"),
	}
	return list
}

// form makes a request that sends the login form.
func form(body string, header ...string) request {
	return request{
		method: http.MethodPost, target: "/login", body: body,
		header: append([]string{"Content-Type: application/x-www-form-urlencoded"}, header...),
	}
}

func logins() []request {
	const right = "user=anna&password=correct+horse+battery"
	return []request{
		{target: "/login"},
		{target: "/login?next=cam/desk"},
		form(right), form(right + "&next=cam/desk"), form(right + "&next=https://example.org"),
		form(right, "Origin: https://example.org"), form(right, "X-Forwarded-Proto: https"),
		form("user=anna&password=wrong"), form("user=missing&password=wrong", "Accept: text/html"), form("user=%"),
		form("user=" + strings.Repeat("x", 9000)),
		{method: http.MethodPost, target: "/logout",
			header: []string{"Cookie: ${NORA-COOKIE}", "Origin: https://example.org"}},
		{method: http.MethodPost, target: "/logout", header: []string{"Cookie: ${NORA-COOKIE}"}},
		{target: "/api/v1/me", header: []string{"Cookie: ${NORA-COOKIE}"}},
	}
}

// TestLimits has too many viewers of each kind, cameras that are not there yet, and no NATS.
func TestLimits(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*hub.Config)
		viewer  request // who is there already
		refused []request
	}{
		"all": {func(c *hub.Config) { c.Limits.Viewers = 1 }, request{}, gets("/cam/desk.jpeg", "/cam/desk.mjpeg", "/ws",
			"/cam/desk/stream")},
		"camera": {func(c *hub.Config) { c.Limits.PerCamera = 1 }, request{},
			gets("/cam/desk.jpeg", "/cam/desk.mjpeg", "/cam/yard.h264?bitrate=1")},
		"address": {
			func(c *hub.Config) { c.Limits.PerAddress, c.Insecure = 1, true },
			request{header: []string{"X-Forwarded-For: 203.0.113.7"}},
			with(gets("/cam/desk.jpeg", "/cam/desk.mjpeg"), "X-Forwarded-For: 203.0.113.7"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, test.change)
			r.populate(r.connect())
			test.viewer.target = "/cam/desk.mjpeg"
			test.viewer.stream = func(b *bufio.Reader) string {
				_, _ = b.ReadByte() // it watches
				return ""
			}
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }() // of a stream without end
			r.over(conn, test.viewer)
			for i := range test.refused {
				if test.refused[i].target == "/ws" {
					test.refused[i].header = upgrade("bramble.v1")
				}
			}
			r.record("http-limit-"+name+".txt", test.refused)
		})
	}
}

// TestNotReady asks a hub that knows no camera, and one that has no NATS.
func TestNotReady(t *testing.T) {
	targets := gets("/readyz", "/healthz", "/api/v1/cameras", "/cam/desk.jpeg", "/webcam/?action=snapshot", "/api/streams")
	t.Run("no camera", func(t *testing.T) { start(t, nil).record("http-no-camera.txt", targets) })
	t.Run("no NATS", func(t *testing.T) {
		start(t, func(c *hub.Config) { c.NATSURL = "nats://127.0.0.1:1" }).record("http-no-nats.txt", targets)
	})
}

// TestCameraStates compares what the API says of a camera in each state.
func TestCameraStates(t *testing.T) {
	r := start(t, nil)
	nc := r.connect()
	for _, state := range []status.State{status.Idle, status.Starting, status.Live, status.Degraded, status.Stopped} {
		r.camera(nc, string(state), frame.JPEG, state)
	}
	r.known()
	r.record("http-states.txt", gets("/api/v1/cameras", "/api/streams", "/cam/degraded/state", "/cam/idle.jpeg"))
}

// TestConflict compares what the API says of a camera that two agents serve.
func TestConflict(t *testing.T) {
	r := start(t, nil)
	nc := r.connect()
	first := r.camera(nc, "twice", frame.JPEG, status.Live)
	second := *first
	second.status.Instance, second.status.Host = "another", "pi2"
	testutil.Eventually(t, "the hub sees two agents", func() bool {
		first.publish()
		second.publish()
		return strings.Contains(string(r.do(request{target: "/api/v1/cameras"}).body), `"state":"conflict"`)
	})
	r.record("http-conflict.txt", gets("/api/v1/cameras/twice", "/cam/twice.jpeg"))
}
