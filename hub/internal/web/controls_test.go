package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/apiv1"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// fakeAgent is the agent of every camera.
type fakeAgent struct {
	controls []status.Control
	err      error
	settings []byte // that it was sent
	calls    int
}

func (a *fakeAgent) RequestStatus(ctx context.Context, _ string) (status.Status, error) {
	if _, ok := ctx.Deadline(); !ok {
		return status.Status{}, errors.New("asked without a deadline")
	}
	a.calls++
	return status.Status{Controls: a.controls}, a.err
}

func (a *fakeAgent) Configure(ctx context.Context, camera string, settings []byte) (status.Status, error) {
	a.settings = settings
	return a.RequestStatus(ctx, camera)
}

// post sends settings.
func (r *fixture) post(path, body string, header ...string) (*http.Response, []byte) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+r.addr+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, answer
}

// TestControls reads and changes the agent's controls, and compares them with their description.
func TestControls(t *testing.T) {
	a := &fakeAgent{controls: []status.Control{
		{Name: "brightness", Type: "int", Max: 255, Step: 1, Default: 128, Value: 120},
		{Name: "power_line", Type: "menu", Max: 1, Step: 1, Menu: []string{"off", "50 Hz"}, Inactive: true},
	}}
	r := newFixture(t, stream.Config{}, func(s *Server) { s.cfg.Agents = a; s.compose() })
	r.camera("desk", frame.JPEG)
	resp, body := r.do(http.MethodGet, "/api/v1/cameras/desk/controls")
	const settings = `{"controls":{"brightness":7}}`
	resp2, body2 := r.post("/api/v1/cameras/desk/controls", settings)
	if resp.StatusCode != 200 || resp2.StatusCode != 200 || !bytes.Equal(body, body2) || string(a.settings) != settings {
		t.Errorf("%s %s, then %s %s; the agent was sent %s", resp.Status, body, resp2.Status, body2, a.settings)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	doc := readOpenAPI(t)
	doc.check(t, "Controls", got)
	list, _ := got["controls"].([]any)
	if len(list) != 2 {
		t.Fatalf("%s", body)
	}
	a.controls = nil
	if _, body := r.do(http.MethodGet, "/api/v1/cameras/desk/controls"); strings.TrimSpace(
		string(body)) != `{"controls":[]}` {
		t.Errorf("without controls: %s", body)
	}
}

// TestControlsRefused sends settings that the hub refuses itself, and those that the agent refuses with its own
// words.
func TestControlsRefused(t *testing.T) {
	a := &fakeAgent{}
	r := newFixture(t, stream.Config{}, func(s *Server) { s.cfg.Agents = a; s.compose() })
	r.camera("desk", frame.JPEG)
	const path, good = "/api/v1/cameras/desk/controls", `{"fps":5}`
	for _, test := range []struct {
		name, path, body string
		header           []string
		agent            error
		want             problem.Problem
		detail           string
	}{
		{"unknown camera", "/api/v1/cameras/missing/controls", good, nil, nil,
			problem.Problem{Title: "Unknown camera", Status: 404, Cameras: []string{"desk"}}, "desk"},
		{"bad id", "/api/v1/cameras/NO/controls", good, nil, nil, problem.Problem{Title: "Unknown camera", Status: 404,
			Cameras: []string{"desk"}}, "desk"},
		{"no JSON", path, "fps=5", nil, nil, problem.Problem{Title: "Bad Request", Status: 400}, "JSON"},
		{"nothing", path, "{}", nil, nil, problem.Problem{Title: "Bad Request", Status: 400}, "nothing to change"},
		{"too long", path, `{"fps":5,"x":"` + strings.Repeat("x", 20_000), nil, nil,
			problem.Problem{Title: "Request Entity Too Large", Status: 413}, "8192"},
		{"a form", path, good, []string{"Content-Type", "application/x-www-form-urlencoded"}, nil,
			problem.Problem{Title: "Unsupported Media Type", Status: 415}, "application/json"},
		{"another origin", path, good, []string{"Origin", "http://elsewhere"}, nil,
			problem.Problem{Title: "Forbidden", Status: 403}, "http://elsewhere"},
		{"another site", path, good, []string{"Sec-Fetch-Site", "cross-site"}, nil,
			problem.Problem{Title: "Forbidden", Status: 403}, "another origin"},
		{"not possible", path, good, nil, fmt.Errorf("do: %w", &cameras.RefusedError{Code: 400, Reason: "at most 30"}),
			problem.Problem{Title: "Bad Request", Status: 400}, "at most 30"},
		{"cannot", path, good, nil, &cameras.RefusedError{Code: 501, Reason: "a file has no rate"},
			problem.Problem{Title: "Not Implemented", Status: 501}, "a file has no rate"},
		{
			"asked too often", path, good, nil, &cameras.RefusedError{Code: 429, Reason: "at most 10"},
			problem.Problem{Title: "Agent busy", Status: 503, RetryAfter: 1}, "at most 10",
		},
		{"no agent", path, good, nil, cameras.ErrNoAgent, problem.Problem{Title: "Camera offline", Status: 503,
			RetryAfter: 5}, "no agent"},
		{"no answer", path, good, nil, fmt.Errorf("do: %w", context.DeadlineExceeded),
			problem.Problem{Title: "Camera offline", Status: 503, RetryAfter: 5}, "2s"},
		{"no NATS", path, good, nil, errors.New("nats: gone"), problem.Problem{Title: "Camera offline", Status: 503,
			RetryAfter: 5}, "nats: gone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a.err, a.calls = test.agent, 0
			resp, body := r.post(test.path, test.body, test.header...)
			checkProblem(t, resp, body, test.want, []string{test.detail})
			if a.calls > 0 != (test.agent != nil) {
				t.Errorf("the agent was asked %d times", a.calls)
			}
		})
	}
}

// check compares a value with the schema of this name, following references.
func (doc openAPIDoc) check(t *testing.T, name string, value any) {
	t.Helper()
	var resolve func(s schema) schema
	resolve = func(s schema) schema {
		if ref, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
			return resolve(doc.Components.Schemas[ref])
		}
		if s.Items != nil {
			items := resolve(*s.Items)
			s.Items = &items
		}
		props := make(map[string]schema)
		for name, p := range s.Properties {
			props[name] = resolve(p)
		}
		s.Properties = props
		return s
	}
	resolve(schema{Ref: "#/components/schemas/" + name}).check(t, name, value)
}

// TestInfo: the hub says how agents reach it, at the host that the client requested if NATS listens on all addresses.
func TestInfo(t *testing.T) {
	info := apiv1.Info{Version: "1.2.3", SubjectRoot: "cam", NATS: apiv1.NATS{URLs: []string{"nats://example.com:4222"},
		AnyHost: true}}
	r := newFixture(t, stream.Config{}, func(s *Server) { s.cfg.Info = info; s.compose() })
	doc := readOpenAPI(t)
	_, body := r.do(http.MethodGet, "/api/v1/hub")
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	doc.check(t, "Hub", got)
	for _, want := range []string{`"version":"1.2.3"`, `"urls":["` + "nats://" + net.JoinHostPort("127.0.0.1", "4222") +
		`"],"loopback":false,"auth_required":false`, `"subject_root":"cam"`, `"ffmpeg":false`, `"http":{"loopback":false}`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("%s lacks %s", body, want)
		}
	}
}

// TestOtherOrigins: pages of other origins can import files and show one camera in a frame, and nothing else.
func TestOtherOrigins(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) {
		s.cfg.Agents, s.cfg.AllowOrigins = &fakeAgent{}, []string{"http://elsewhere"}
		s.compose()
	})
	r.camera("desk", frame.JPEG).picture()
	for path, want := range map[string]struct {
		frames string
		cors   string
	}{
		"/":                             {"frame-ancestors 'self'", ""},
		"/?embed":                       {"frame-ancestors 'self'", ""},
		"/cam/desk":                     {"frame-ancestors 'self'", ""},
		"/cam/desk?embed":               {"frame-ancestors *", ""},
		"/cam/desk?embed=1&x=2":         {"frame-ancestors *", ""},
		"/cam/desk.jpeg?embed":          {"frame-ancestors 'self'", ""},
		"/assets/app.js":                {"frame-ancestors 'self'", "*"},
		"/bramble-camera.js":            {"frame-ancestors 'self'", "*"},
		"/assets/nothing.js":            {"frame-ancestors 'self'", ""},
		"/api/v1/cameras":               {"frame-ancestors 'self'", ""},
		"/api/v1/cameras/desk/controls": {"frame-ancestors 'self'", ""},
		"/api/v1/hub":                   {"frame-ancestors 'self'", ""},
	} {
		resp, _ := r.do(http.MethodGet, path, "Origin", "http://elsewhere")
		policy := strings.Split(resp.Header.Get("Content-Security-Policy"), "; ")
		if !slices.Contains(policy, want.frames) || resp.Header.Get("Access-Control-Allow-Origin") != want.cors ||
			policy[0] != "default-src 'none'" {
			t.Errorf("%s: policy %q, allowed origin %q", path, policy, resp.Header.Get("Access-Control-Allow-Origin"))
		}
	}
}

// TestForwardedPrefix: a proxy may keep its path prefix in the request.
func TestForwardedPrefix(t *testing.T) {
	r := newFixture(t, stream.Config{})
	want := r.camera("desk", frame.JPEG).picture()
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, test := range []struct {
		prefix, path string
		status       int
		location     string
	}{
		{"/bramble", "/bramble/cam/desk.jpeg", 200, ""},
		{"/bramble/", "/bramble/cam/desk.jpeg", 200, ""},
		{"/a/b", "/a/b/cam/desk.jpeg", 200, ""},
		{"/bramble", "/cam/desk.jpeg", 200, ""},
		{"/cam", "/cam/desk.jpeg", 404, ""},
		{"/bramble", "/brambles/cam/desk.jpeg", 404, ""},
		{"", "/bramble/cam/desk.jpeg", 404, ""},
		{"/bramble", "/bramble?x=1", 308, "/bramble/?x=1"},
		{"//elsewhere", "//elsewhere", 404, ""},
	} {
		resp, body := r.do(http.MethodGet, test.path, "X-Forwarded-Prefix", test.prefix)
		if resp.StatusCode != test.status || resp.Header.Get("Location") != test.location || test.status == 200 &&
			!bytes.Equal(body, want) {
			t.Errorf("%s below %s: %s, Location %q", test.path, test.prefix, resp.Status, resp.Header.Get("Location"))
		}
	}
}
