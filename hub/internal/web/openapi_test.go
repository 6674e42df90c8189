package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/bramble-cam/bramble/hub/internal/apiv1"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// schema is as much of JSON Schema as openapi.yaml uses.
type schema struct {
	Type                 any `yaml:"type"` // one name or several
	Required             []string
	Properties           map[string]schema
	Items                *schema
	Enum                 []string
	Format               string
	AdditionalProperties *schema `yaml:"additionalProperties"`
	Ref                  string  `yaml:"$ref"`
}

// openAPIDoc is as much of an OpenAPI document as the tests read.
type openAPIDoc struct {
	Tags  []struct{ Name string }
	Paths map[string]map[string]struct { // by path and method
		OperationID string `yaml:"operationId"`
		Summary     string
		Tags        []string
		Responses   map[string]openAPIResponse // by status
	}
	Components struct {
		Schemas   map[string]schema
		Responses map[string]openAPIResponse
	}
}

type openAPIResponse struct {
	Ref         string `yaml:"$ref"`
	Status      string `yaml:"x-status"`
	Description string
}

// pathParameter matches a parameter in a path.
var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

func readOpenAPI(t *testing.T) (doc openAPIDoc) {
	t.Helper()
	if err := yaml.Unmarshal(apiv1.OpenAPI(outputs.All()), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// check compares a value with its schema: every member is described, every required one is there, none has another
// type.
func (s schema) check(t *testing.T, at string, value any) {
	t.Helper()
	kind := map[bool]string{true: "null"}[value == nil]
	switch v := value.(type) {
	case string:
		kind = "string"
		if s.Enum != nil && !slices.Contains(s.Enum, v) {
			t.Errorf("%s is %q, which is not among %v", at, v, s.Enum)
		}
		if _, err := time.Parse(time.RFC3339, v); s.Format == "date-time" && err != nil {
			t.Errorf("%s: %v", at, err)
		}
	case bool:
		kind = "boolean"
	case float64:
		kind = "number"
		if v == float64(int64(v)) && s.Type != "number" {
			kind = "integer"
		}
	case []any:
		kind = "array"
		for i, item := range v {
			s.Items.check(t, fmt.Sprintf("%s[%d]", at, i), item)
		}
	case map[string]any:
		kind = "object"
		s.checkMembers(t, at, v)
	}
	if types := fmt.Sprint(s.Type); !strings.Contains(" "+strings.Trim(types, "[]")+" ", " "+kind+" ") {
		t.Errorf("%s is %s, want %s", at, kind, types)
	}
}

func (s schema) checkMembers(t *testing.T, at string, members map[string]any) {
	t.Helper()
	for _, name := range s.Required {
		if _, ok := members[name]; !ok {
			t.Errorf("%s lacks %s", at, name)
		}
	}
	for name, value := range members {
		described, ok := s.Properties[name]
		switch {
		case ok:
			described.check(t, at+"."+name, value)
		case s.AdditionalProperties != nil:
			s.AdditionalProperties.check(t, at+"."+name, value)
		default:
			t.Errorf("%s.%s is not described", at, name)
		}
	}
}

// full adds a camera that has every member of the API.
func full(h *testServer, id string, f frame.Format) *camera {
	c := h.camera(id, f)
	warm := 48.5
	h.reg.OnStatus(status.Status{
		Camera: id, Instance: "agent-" + id, Started: captured(0), Host: "pi", Agent: "0.1.0", State: status.Degraded,
		Reason: "too dark", Since: captured(0),
		Source: "file", Format: f, Width: 160, Height: 96, FPS: 24.9, Bitrate: 1, Drops: map[string]uint64{"gap": 1},
		Warning: "the clock is off",
		Clock:   status.Clock{Source: "v4l2", Error: 1000}, Temperature: &warm,
	})
	return c
}

// TestOpenAPI compares the answers of the API with their description. The full camera has every described member,
// and the bare one the required ones.
func TestOpenAPI(t *testing.T) {
	r := newFixture(t, stream.Config{})
	rich := full(r.testServer, "rich", frame.JPEG)
	rich.picture()
	rich.stream.Drops.Add(0, 3)
	r.camera("bare", frame.H264)
	doc := readOpenAPI(t)
	described := doc.Components.Schemas["Camera"]
	_, body := r.do(http.MethodGet, "/api/v1/cameras")
	var list struct{ Cameras []map[string]any }
	if err := json.Unmarshal(body, &list); err != nil || len(list.Cameras) != 2 {
		t.Fatalf("%s: %v", body, err)
	}
	for i, want := range []string{"bare", "rich"} {
		if list.Cameras[i]["id"] != want {
			t.Errorf("camera %d is %v, want %s", i, list.Cameras[i]["id"], want)
		}
		_, body := r.do(http.MethodGet, "/api/v1/cameras/"+want)
		var one map[string]any
		if err := json.Unmarshal(body, &one); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		described.check(t, want, list.Cameras[i])
		described.check(t, want, one)
	}
	wantMembers(t, "bare", list.Cameras[0], described.Required)
	wantMembers(t, "rich", list.Cameras[1], slices.Collect(maps.Keys(described.Properties)))
	atAgent := described.Properties["at_agent"]
	wantMembers(t, "rich.at_agent", list.Cameras[1]["at_agent"], slices.Collect(maps.Keys(atAgent.Properties)))
	wantMembers(t, "bare.at_agent", list.Cameras[0]["at_agent"], atAgent.Required)
	for _, name := range []string{"drops", "formats"} {
		if list.Cameras[0][name] == nil {
			t.Errorf("%s of the bare camera is null", name)
		}
	}
	if list.Cameras[0]["age_ms"] != nil {
		t.Errorf("a camera without a frame has age_ms %v", list.Cameras[0]["age_ms"])
	}
}

func wantMembers(t *testing.T, at string, object any, want []string) {
	t.Helper()
	members, _ := object.(map[string]any)
	got := slices.Sorted(maps.Keys(members))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s has %v\nwant %v", at, got, want)
	}
}

// TestOpenAPIProblem compares an error, the states and the formats with their description.
func TestOpenAPIProblem(t *testing.T) {
	r := newFixture(t, stream.Config{})
	r.camera("desk", frame.JPEG).say(status.Stopped, "")
	described := readOpenAPI(t).Components.Schemas["Problem"]
	got := make(map[string]bool)
	for _, path := range []string{"/cam/missing.jpeg", "/cam/desk.jpeg", "/cam/desk.mjpeg?fps=0", "/cam/desk.mp4"} {
		_, body := r.do(http.MethodGet, path)
		var p map[string]any
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		described.check(t, path, p)
		for name := range p {
			got[name] = true
		}
	}
	if want := slices.Sorted(maps.Keys(described.Properties)); !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
		t.Errorf("errors have %v, want %v", got, want)
	}
	camera := readOpenAPI(t).Components.Schemas["Camera"].Properties
	states := []string{string(status.Idle), string(status.Starting), string(status.Live), string(status.Degraded),
		string(cameras.Offline), string(cameras.Conflict)}
	if !slices.Equal(camera["state"].Enum, states) {
		t.Errorf("states are %v, want %v", camera["state"].Enum, states)
	}
	if want := []string{string(frame.JPEG), string(frame.H264)}; !slices.Equal(camera["format"].Enum, want) {
		t.Errorf("formats are %v, want %v", camera["format"].Enum, want)
	}
}

// TestOpenAPIRoutes compares the described operations with the server's routes, both ways.
func TestOpenAPIRoutes(t *testing.T) {
	described := map[string]bool{}
	for path, item := range readOpenAPI(t).Paths {
		route := pathParameter.ReplaceAllString(path, ":$1")
		route = strings.TrimSuffix(strings.Replace(route, "/assets/:file", "/assets/*", 1), "/")
		if name, ok := strings.CutPrefix(route, "/cam/:camera."); ok { // one route serves all outputs
			if _, ok := outputs.All().HTTP(name); !ok {
				t.Errorf("%s is described, and there is no such output", path)
			}
			continue
		}
		for method := range item {
			described[strings.ToUpper(method)+" "+route] = true
			if method == "get" && !strings.HasPrefix(route, "/login/oidc") {
				described[http.MethodHead+" "+route] = true
			}
		}
	}
	served := map[string]bool{}
	for _, route := range newFixture(t, stream.Config{}).srv.echo.Routes() {
		served[route.Method+" "+strings.TrimSuffix(route.Path, "/")] = true
	}
	for route := range served {
		if !described[route] {
			t.Errorf("%s is served, and not described", route)
		}
	}
	for route := range described {
		if !served[route] {
			t.Errorf("%s is described, and not served", route)
		}
	}
}

// TestOpenAPIOperations holds every operation to what the reference page needs: a group, a summary, and responses whose
// status and description agree.
func TestOpenAPIOperations(t *testing.T) {
	doc := readOpenAPI(t)
	tags := map[string]bool{}
	for _, tag := range doc.Tags {
		tags[tag.Name] = true
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths {
		for method, op := range item {
			if len(op.Tags) != 1 || !tags[op.Tags[0]] || op.Summary == "" || ids[op.OperationID] {
				t.Errorf("%s %s: tags %v, summary %q, ID %q", method, path, op.Tags, op.Summary, op.OperationID)
			}
			ids[op.OperationID] = true
			for status, answer := range op.Responses {
				name, isRef := strings.CutPrefix(answer.Ref, "#/components/responses/")
				shared, known := doc.Components.Responses[name]
				if isRef && (!known || shared.Status != "" && shared.Status != status) || !isRef && answer.Description == "" {
					t.Errorf("%s %s: response %s is %+v", method, path, status, answer)
				}
			}
		}
	}
	var statuses []string
	for _, answer := range doc.Components.Responses {
		if answer.Status != "" {
			statuses = append(statuses, answer.Status)
		}
	}
	if slices.Sort(statuses); !slices.Equal(statuses, errorCodes()) {
		t.Errorf("errors described are %v, want %v", statuses, errorCodes())
	}
}

// TestCameraStates: the API has the camera's state as the hub sees it.
func TestCameraStates(t *testing.T) {
	r := newFixture(t, stream.Config{})
	desk := r.camera("desk", frame.JPEG)
	type camera struct {
		State   status.State
		Reason  string
		Formats []string
		FPS     float64
		AgeMS   *int64 `json:"age_ms"`
		Viewers int
		In      uint64                        `json:"frames_in"`
		AtAgent struct{ Frames, Sent uint64 } `json:"at_agent"`
	}
	get := func() (c camera) {
		t.Helper()
		_, body := r.do(http.MethodGet, "/api/v1/cameras/desk")
		if err := json.Unmarshal(body, &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := get(); c.State != status.Live || c.AgeMS != nil || c.Viewers != 0 || c.AtAgent.Frames != 7 ||
		c.AtAgent.Sent != 6 || !slices.Equal(c.Formats, []string{"jpeg", "mjpeg"}) {
		t.Errorf("%+v", c)
	}
	desk.picture()
	viewer := r.open("/cam/desk.mjpeg")
	desk.viewers(1)
	if c := get(); c.AgeMS == nil || *c.AgeMS < 0 || c.Viewers != 1 || c.In != 1 {
		t.Errorf("%+v", c)
	}
	_ = viewer.Close() // as any viewer does
	desk.say(status.Stopped, "")
	if c := get(); c.State != cameras.Offline || c.Reason != "the agent was stopped" || c.FPS != 0 {
		t.Errorf("%+v", c)
	}
	desk.say(status.Idle, "")
	if c := get(); c.State != status.Idle || c.Reason != "" {
		t.Errorf("%+v", c)
	}
}
