package cameras

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// said is a word of an agent after a wait, and what the camera's state is then.
type said struct {
	wait     time.Duration
	instance string // also its host
	started  int64
	state    status.State
	want     status.State
	host     string // who is followed then
}

func TestTwoAgents(t *testing.T) {
	const soon, period = 100 * time.Millisecond, status.Interval
	for name, words := range map[string][]said{
		"restart": {
			{0, "a", 1, status.Live, status.Live, "a"}, {soon, "b", 2, status.Starting, status.Starting, "b"},
			{period, "b", 2, status.Live, status.Live, "b"},
		},
		"orderly restart, last word late": {
			{0, "a", 1, status.Live, status.Live, "a"}, {soon, "b", 2, status.Live, status.Live, "b"},
			{soon, "a", 1, status.Stopped, status.Live, "b"},
			{period, "b", 2, status.Live, status.Live, "b"},
		},
		"restart with a clock that went back": {
			{0, "a", 9, status.Live, status.Live, "a"}, {soon, "b", 2, status.Live, status.Live, "a"},
			{period, "b", 2, status.Live, status.Live, "a"},
			{period, "b", 2, status.Live, status.Live, "a"}, {period, "b", 2, status.Degraded, status.Degraded, "b"},
			{period, "b", 2, status.Live, status.Live, "b"},
		},
		"orderly restart with a clock that went back": {
			{0, "a", 9, status.Live, status.Live, "a"}, {soon, "a", 9, status.Stopped, Offline, "a"},
			{soon, "b", 2, status.Live, status.Live, "b"},
			{period, "b", 2, status.Live, status.Live, "b"},
		},
		"older agent goes on": {
			{0, "a", 1, status.Live, status.Live, "a"}, {soon, "b", 2, status.Live, status.Live, "b"},
			{soon, "a", 1, status.Live, status.Live, "b"},
			{period, "b", 2, status.Live, Conflict, "b"}, {soon, "a", 1, status.Live, Conflict, "b"},
			{period, "b", 2, status.Live, Conflict, "b"},
			{soon, "a", 1, status.Stopped, status.Live, "b"}, {period, "b", 2, status.Live, status.Live, "b"},
		},
		"older agent comes": {
			{0, "b", 2, status.Live, status.Live, "b"}, {soon, "a", 1, status.Live, status.Live, "b"},
			{soon, "b", 2, status.Live, Conflict, "b"},
			{period, "b", 2, status.Live, Conflict, "b"}, {period, "b", 2, status.Live, Conflict, "b"},
			{period, "b", 2, status.Live, status.Live, "b"}, // the other one has been silent for long
			{soon, "a", 1, status.Live, status.Live, "b"}, {soon, "b", 2, status.Live, Conflict, "b"},
		},
		"newer agent stops": {
			{0, "a", 1, status.Live, status.Live, "a"}, {soon, "b", 2, status.Live, status.Live, "b"},
			{soon, "a", 1, status.Live, status.Live, "b"},
			{soon, "b", 2, status.Live, Conflict, "b"}, {soon, "b", 2, status.Stopped, Offline, "b"},
			{soon, "a", 1, status.Live, status.Live, "a"},
			{period, "a", 1, status.Live, status.Live, "a"},
		},
		"started at the same time": {{0, "a", 1, status.Live, status.Live, "a"},
			{soon, "b", 1, status.Live, status.Live, "a"}, {soon, "a", 1, status.Live, Conflict, "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
				for i, w := range words {
					pass(w.wait)
					s := word(w.state)
					s.Camera, s.Instance, s.Host, s.Started = "gate", w.instance, w.instance, time.Unix(w.started, 0)
					a.answer(func(context.Context, string) (status.Status, error) { return s, nil }) // the one that lives
					r.OnStatus(s)
					c, err := r.Camera("gate")
					if err != nil {
						t.Fatal(err)
					}
					info := c.Info()
					if info.State != w.want || info.Host != w.host {
						t.Errorf("after word %d (%+v): %s on %s (%s): want %s on %s",
							i, w, info.State, info.Host, info.Reason, w.want, w.host)
					}
					if info.State == Conflict && !(strings.Contains(info.Reason, "a") && strings.Contains(info.Reason, "b") &&
						info.Since.Before(time.Now())) {
						t.Errorf("conflict since %v because %q: want both hosts named", info.Since, info.Reason)
					}
				}
			})
		})
	}
}

// The second agent's status must not change what viewers get.
func TestSecondAgentDoesNotReplaceTheStream(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		v := view(t, r, media.JPEG)
		defer v.Close()
		s := word(status.Live)
		s.Instance, s.Started, s.Format = "two", s.Started.Add(-time.Hour), frame.H264
		r.OnStatus(s)
		if a.seen().stops != 0 || porch(t, r).Info().Format != frame.JPEG {
			t.Error("an older agent with another format ended the stream")
		}
	})
}
