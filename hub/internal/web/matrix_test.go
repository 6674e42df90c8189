package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/output/ws"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
)

// matrixRow is how a route answers each column of TestMatrix.
type matrixRow struct {
	method, route string
	target        string
	want          string
}

// The columns: anonymous, a viewer without the grant, a viewer (by session), an operator (by password), an admin (by
// token), an expired link, a valid link, a revoked token, the session of a removed user.
const (
	public   = "200 200 200 200 200 200 200 200 200"
	anyUser  = "401 200 200 200 200 401 401 401 401"
	one      = "401 404 200 200 200 401 401 401 401" // viewers of the camera
	orLinked = "401 404 200 200 200 401 200 401 401"
)

func matrix() []matrixRow {
	const loginForm, setting = "303 303 303 303 303 303 303 303 303", "401 404 403 200 200 401 401 401 401"
	read := []matrixRow{
		{"", "/assets/*", "/assets/style.css", public},
		{"", "/bramble-camera.js", "/bramble-camera.js", public},
		{"", "/api/v1/openapi.yaml", "/api/v1/openapi.yaml", public},
		{"", "/healthz", "/healthz", public},
		{"", "/readyz", "/readyz", public},
		{"", "/login", "/login", public},
		{"", "/", "/", anyUser},
		{"", "/", "/?action=snapshot", one},
		{"", "/cam/:camera", "/cam/porch", "401 200 200 200 200 401 200 401 401"}, // the page, which finds nothing
		{"", "/cam/:camera", "/cam/porch?embed", "401 200 200 200 200 401 200 401 401"},
		{"", "/cam/:camera", "/cam/porch.jpeg", orLinked},
		{"", "/cam/:camera", "/cam/porch.mjpeg", orLinked},
		{"", "/cam/:camera", "/cam/yard.h264", one}, // the links are for porch
		{"", "/cam/:camera", "/cam/yard.mp4", one},
		{"", "/cam/:camera/", "/cam/porch/?action=stream", orLinked},
		{"", "/cam/:camera/:view", "/cam/porch/snapshot.jpg", orLinked},
		{"", "/cam/:camera/:view", "/cam/porch/state", orLinked},
		{"", "/webcam", "/webcam?action=snapshot", one},
		{"", "/webcam/", "/webcam/?action=snapshot", one},
		{"", "/webcam:number", "/webcam1?action=snapshot", one},
		{"", "/webcam:number/", "/webcam1/?action=stream", one},
		{"", "/api/stream.mjpeg", "/api/stream.mjpeg?src=porch", one},
		{"", "/api/frame.jpeg", "/api/frame.jpeg?src=porch", one},
		{"", "/api/stream.mp4", "/api/stream.mp4?src=yard", one},
		{"", "/api/streams", "/api/streams", anyUser},
		{"", "/ws", "/ws", "401 101 101 101 101 401 101 401 401"},
		{"", "/api/v1/me", "/api/v1/me", anyUser},
		{"", "/api/v1/hub", "/api/v1/hub", anyUser},
		{"", "/api/v1/cameras", "/api/v1/cameras", anyUser},
		{"", "/api/v1/cameras/:camera", "/api/v1/cameras/porch", one},
		{"", "/api/v1/cameras/:camera/controls", "/api/v1/cameras/porch/controls", one},
		{"", "/metrics", "/metrics", "401 403 403 403 200 401 401 401 401"},
	}
	const absent = "404 404 404 404 404 404 404 404 404" // without an identity provider
	rows := []matrixRow{
		{http.MethodGet, "/login/oidc", "/login/oidc", absent},
		{http.MethodGet, "/login/oidc/callback", "/login/oidc/callback?code=x&state=x", absent},
		{http.MethodPost, "/api/v1/cameras/:camera/controls", "/api/v1/cameras/porch/controls", setting},
	}
	for _, row := range read {
		for _, row.method = range []string{http.MethodGet, http.MethodHead} {
			rows = append(rows, row)
		}
	}
	// At the end: both end the session that comes with them.
	return append(rows, matrixRow{http.MethodPost, "/login", "/login", loginForm},
		matrixRow{http.MethodPost, "/logout", "/logout", loginForm})
}

// columns returns how each column's client sets its credentials.
func (g *authFixture) columns(t *testing.T) []func(*http.Request) {
	t.Helper()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	link := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			q.Set(signedlink.Parameter, text)
			q.Set("camera", "porch") // as /ws has it
			r.URL.RawQuery = q.Encode()
		}
	}
	nora, anna := g.login("nora", annaPassword), g.login("anna", annaPassword)
	return []func(*http.Request){
		func(*http.Request) {}, header("Cookie", nora), header("Cookie", anna),
		func(r *http.Request) { r.SetBasicAuth("otto", ottoPassword) }, header("Authorization", "Bearer "+g.rootToken),
		link(g.expired), link(g.valid), header("Authorization", "Bearer "+g.revoked), header("Cookie", g.sessionOfRemoved()),
	}
}

// TestMatrix requests every route with every kind of credentials. A route without a row fails.
func TestMatrix(t *testing.T) {
	g := newAuthFixture(t)
	parties := g.columns(t)
	tried := map[string]bool{}
	for _, row := range matrix() {
		tried[row.method+" "+row.route] = true
		want := strings.Fields(row.want)
		for i, party := range parties {
			status := g.cell(t, row, party)
			if row.target == "/ws" && row.method == http.MethodHead && want[i] == "101" {
				want[i] = "405" // the library requires GET; refusals come before that
			}
			if status != want[i] {
				t.Errorf("%s %s, column %d: %s, want %s", row.method, row.target, i, status, want[i])
			}
		}
	}
	for _, route := range g.srv.echo.Routes() {
		if !tried[route.Method+" "+route.Path] {
			t.Errorf("%s %s has no row in the matrix", route.Method, route.Path)
		}
	}
}

func (g *authFixture) cell(t *testing.T, row matrixRow, party func(*http.Request)) string {
	t.Helper()
	body := ""
	kind := "application/json"
	switch {
	case row.route == "/login" && row.method == http.MethodPost:
		body, kind = url.Values{"user": {"anna"}, "password": {annaPassword}}.Encode(), "application/x-www-form-urlencoded"
	case row.method == http.MethodPost:
		body = `{"fps": 5}`
	}
	req, err := http.NewRequest(row.method, "http://"+g.addr+row.target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", kind)
	}
	if row.route == "/ws" {
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
			"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol": ws.Subprotocol,
		} {
			req.Header.Set(name, value)
		}
	}
	party(req)
	resp, err := g.client.Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // the status is what counts
	return resp.Status[:3]
}
