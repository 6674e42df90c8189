package problem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/problem"
)

var errBusy error = problem.Kind{Text: "busy", Title: "Too busy", Status: http.StatusServiceUnavailable, RetryAfter: 1}

// known is an error with an answer of its own.
type known struct{}

func (known) Error() string { return "unknown camera" }

func (known) Problem() problem.Problem {
	return problem.Problem{Title: "Unknown camera", Status: http.StatusNotFound, Cameras: []string{"porch"}}
}

func TestOf(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"kind": {errBusy, `{"type":"about:blank","title":"Too busy","status":503,"detail":"busy","retry_after":1}`},
		"kind, wrapped": {fmt.Errorf("%w: wait for %s", errBusy, "porch"),
			`{"type":"about:blank","title":"Too busy","status":503,"detail":"busy: wait for porch","retry_after":1}`},
		"the first of two": {fmt.Errorf("%w: %w", errBusy, known{}),
			`{"type":"about:blank","title":"Too busy","status":503,"detail":"busy: unknown camera","retry_after":1}`},
		"an answer of its own": {fmt.Errorf("/cam: %w", known{}),
			`{"type":"about:blank","title":"Unknown camera","status":404,"detail":"/cam: unknown camera","cameras":["porch"]}`},
		"status": {problem.New(http.StatusForbidden, "not for you"),
			`{"type":"about:blank","title":"Forbidden","status":403,"detail":"not for you"}`},
		"status, wrapped: its detail alone": {fmt.Errorf("inside: %w", problem.Newf(http.StatusConflict, "%d of them", 2)),
			`{"type":"about:blank","title":"Conflict","status":409,"detail":"2 of them"}`},
		"stopping": {fmt.Errorf("read: %w", context.Canceled),
			`{"type":"about:blank","title":"Stopping","status":503,"detail":"the hub is stopping","retry_after":5}`},
		"any other: its text stays inside": {errors.New("password is hunter2"),
			`{"type":"about:blank","title":"Internal error","status":500,"detail":"see the hub's log"}`},
	} {
		got, err := json.Marshal(problem.Of(test.err))
		if err != nil || string(got) != test.want {
			t.Errorf("%s:\n%s, %v; want\n%s", name, got, err, test.want)
		}
	}
}

// TestKindIs: errors.Is tells kinds apart.
func TestKindIs(t *testing.T) {
	var errOther error = problem.Kind{Text: "other", Title: "Too busy", Status: http.StatusServiceUnavailable}
	if err := fmt.Errorf("x: %w", errBusy); !errors.Is(err, errBusy) || errors.Is(err, errOther) {
		t.Error("errors.Is mixes up kinds")
	}
}
