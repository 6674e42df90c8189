package cameras

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/status"
)

// TestTooManyCameras: what is known stays known, what is beyond a limit is ignored, counted and logged once.
func TestTooManyCameras(t *testing.T) {
	var log bytes.Buffer
	r := New(Config{Agents: &fakeAgents{}, MaxCameras: 50, MaxPerAgent: 20, Log: slog.New(slog.NewTextHandler(&log, nil))})
	s := word(status.Live)
	for agent := range 4 { // the third has room for 10, the fourth for none
		s.Instance = fmt.Sprint(agent)
		for i := range 22 {
			s.Camera = fmt.Sprintf("cam-%d-%d", agent, i)
			r.OnStatus(s)
		}
	}
	if n := len(r.Cameras()); n != 50 {
		t.Errorf("%d cameras: want 50", n)
	}
	refused := r.cfg.Refused
	if a, b := refused.Count(metrics.RefusedCamerasPerAgent), refused.Count(metrics.RefusedCameras); a != 4 || b != 34 {
		t.Errorf("refused %d and %d: want 2 of each of the first two agents, 12 and 22 of the others", a, b)
	}
	if _, err := r.Camera(s.Camera); !errors.Is(err, ErrUnknownCamera) {
		t.Errorf("the camera beyond the limit: %v", err)
	}
	for _, flag := range []string{"max-cameras;", "max-cameras-per-agent"} {
		if n := strings.Count(log.String(), flag); n != 1 {
			t.Errorf("%d lines with the remedy %s: want 1 in\n%s", n, flag, log.String())
		}
	}
	s.Camera, s.Instance, s.Host = "cam-0-0", "0", "pi9"
	r.OnStatus(s)
	if c, err := r.Camera("cam-0-0"); err != nil || c.Info().Host != "pi9" {
		t.Errorf("a known camera is not heard any more: %v", err)
	}
}

// TestForgottenCamerasMakeRoom: the count of an agent goes down with its cameras.
func TestForgottenCamerasMakeRoom(t *testing.T) {
	r := New(Config{Agents: &fakeAgents{}, MaxPerAgent: 1, Log: testutil.Log(t)})
	r.OnStatus(word(status.Stopped))
	r.forget(time.Now().Add(2 * forgetAfter))
	s := word(status.Live)
	s.Camera = "yard"
	r.OnStatus(s)
	if list := r.Cameras(); len(list) != 1 || list[0].ID() != "yard" {
		t.Errorf("%d cameras known: want the yard alone", len(list))
	}
}

// TestOverloadIsReported: while a camera sends too much it is degraded and says why; the log has a line at the
// beginning and one at the end.
func TestOverloadIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		a := &fakeAgents{}
		r := New(Config{Agents: a, Log: slog.New(slog.NewTextHandler(&log, nil))})
		stop := testutil.Run(t, r.Run)
		r.OnStatus(word(status.Live))
		v, err := porch(t, r).Subscribe(media.JPEG, Viewer)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		began := time.Now()
		for range 200 {
			pass(10 * time.Millisecond)
			v.Stream().CountRateLimited(time.Now())
		}
		i := porch(t, r).Info()
		if i.State != status.Degraded || i.Reason != a.OverloadReason() || i.Since.Sub(began) > time.Second {
			t.Errorf("%s since %v: %q", i.State, i.Since, i.Reason)
		}
		pass(4 * time.Second)
		r.OnStatus(word(status.Live))
		pass(2 * time.Second)
		if i := porch(t, r).Info(); i.State != status.Live || i.Reason != "" {
			t.Errorf("after the overload %s: %q", i.State, i.Reason)
		}
		stop()
		for _, line := range []string{"camera exceeds the limits", "camera is within the limits again"} {
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("%d lines %q in\n%s", n, line, log.String())
			}
		}
	})
}
