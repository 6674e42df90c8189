package ws

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// reachable is a connection to agents that nothing uses.
type reachable struct{ cameras.AgentClient }

func (reachable) Connected() bool { return true }

// Views differ by what has changed, come and gone, and are the same when nothing has.
func TestListView(t *testing.T) {
	entry := func(id string, revision uint64) listEntry { return listEntry{id, []byte(`"` + id + `"`), revision} }
	one := &listView{1, []listEntry{entry("a", 1), entry("c", 1), entry("d", 1), entry("z", 1)}}
	two := &listView{2, []listEntry{entry("a", 1), entry("b", 2), entry("d", 2)}}
	if got := two.since(one, auth.Anonymous().CanView); got.All || join(got) != `"b" "d" - c z` {
		t.Errorf("%v: %s", got.All, join(got))
	}
	if got := two.since(nil, auth.Anonymous().CanView); !got.All || join(got) != `"a" "b" "d" -` {
		t.Errorf("%v: %s", got.All, join(got))
	}
	reg := cameras.New(cameras.Config{Agents: reachable{}, Log: slog.New(slog.DiscardHandler)})
	h := NewHandler(Config{
		Cameras: authz.Cameras{Registry: reg}, Formats: func(frame.Format) []string { return nil },
		Log: slog.New(slog.DiscardHandler),
	})
	if empty := h.refresh(nil); len(empty.entries) != 0 || !empty.since(nil, auth.Anonymous().CanView).All {
		t.Errorf("%+v", empty)
	}
	say := func(camera string, reason string) {
		reg.OnStatus(status.Status{
			Camera: camera, Instance: "i", Started: time.Now(), State: status.Idle, Reason: reason, Format: frame.JPEG,
		})
	}
	say("desk", "")
	first := h.refresh(nil)
	if h.refresh(first) != first {
		t.Error("nothing has changed, and there is another view")
	}
	say("desk", "too dark")
	second := h.refresh(first)
	say("attic", "")
	third := h.refresh(second)
	if second == first || third == second ||
		len(third.since(second, auth.Anonymous().CanView).Cameras) != 1 ||
		len(third.since(first, auth.Anonymous().CanView).Cameras) != 2 {
		t.Errorf("%+v %+v %+v", first, second, third)
	}
}

func join(m listMessage) string {
	var words []string
	for _, c := range m.Cameras {
		words = append(words, string(c))
	}
	return strings.Join(append(append(words, "-"), m.Gone...), " ")
}

func TestThreeDigits(t *testing.T) {
	for x, want := range map[float64]float64{0: 0, -1: 0, 24.97: 25, 24.94: 24.9, 0.12345: 0.123, 1_234_567: 1_230_000,
		999.6: 1000, 7: 7} {
		if got := threeDigits(x); got != want {
			t.Errorf("%v: %v, want %v", x, got, want)
		}
	}
}
