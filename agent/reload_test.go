package agent

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/status"
)

func cameras(t *testing.T, list ...string) (cameras []Camera) {
	t.Helper()
	for _, text := range list {
		c, err := ParseCamera(text)
		if err != nil {
			t.Fatal(err)
		}
		cameras = append(cameras, c)
	}
	return cameras
}

// Of a changed list each camera gets what is its due, and one that stays the same goes on without a gap: only pictures
// that the agent has replaced by newer ones, because the host was slow, are missing.
func TestReload(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	a := newAgent(t, config(t, url, "stays="+small, "goes="+small, "changes="+small))
	stop := runAgent(t, a, nc)
	_, frames := subscribe(t, nc, "cam.stays.jpeg")
	_, said := subscribe(t, nc, "cam.goes.status")
	before := nextFrame(t, frames)
	if err := a.Reload(t.Context(), cameras(t, "changes="+large, "comes="+small, "stays="+small)); err != nil {
		t.Fatal(err)
	}
	for {
		if s, err := status.Decode(testutil.Receive(t, "a status", said).Data); err != nil || s.State == status.Stopped {
			break
		}
	}
	if _, err := nc.Request("cam.goes.do.info", nil, testutil.Timeout); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a camera that should have gone answers: %v", err)
	}
	if s, err := info(nc, "comes"); err != nil || s.State != status.Idle {
		t.Errorf("%+v, %v", s, err)
	}
	_, pictures := subscribe(t, nc, "cam.changes.jpeg")
	nextFrame(t, pictures)
	if s, err := info(nc, "changes"); err != nil || s.Width != 320 {
		t.Errorf("%+v, %v", s, err)
	}
	missing := uint64(0)
	for seq := before.Seq; seq < before.Seq+10; {
		f := nextFrame(t, frames)
		if f.Epoch != before.Epoch || f.Seq <= seq {
			t.Fatalf("frame %d of epoch %d after %d of epoch %d", f.Seq, f.Epoch, seq, before.Epoch)
		}
		missing += f.Seq - seq - 1
		seq = f.Seq
	}
	if s, err := info(nc, "stays"); err != nil || missing > s.Drops[drop.QueueHead.String()] {
		t.Errorf("%d frames are missing; the agent has dropped %v, %v", missing, s.Drops, err)
	}
	if err := a.Reload(t.Context(), cameras(t, "goes="+small)); err != nil { // and back, and all others away
		t.Fatal(err)
	}
	if s, err := info(nc, "goes"); err != nil || s.State != status.Idle {
		t.Errorf("%+v, %v", s, err)
	}
	stop()
}

// A list that cannot be taken over changes nothing; a camera of another agent is left out.
func TestReloadRefused(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	runAgent(t, newAgent(t, config(t, url, "theirs="+small)), nc)
	l := &logCapture{}
	cfg := config(t, url, "ours="+small)
	cfg.Log = slog.New(slog.NewTextHandler(l, nil))
	a := newAgent(t, cfg)
	stop := runAgent(t, a, nc)
	for _, test := range []struct {
		list []string
		says string
	}{
		{nil, "needs a restart"},
		{[]string{"a=" + small, "a=" + large}, "twice"},
		{[]string{"new=" + small, "odd=webcam:"}, "camera odd"},
	} {
		if err := a.Reload(t.Context(), cameras(t, test.list...)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v", test.list, err)
		}
	}
	if _, err := nc.Request("cam.new.do.info", nil, testutil.Timeout); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a camera of a refused list answers: %v", err)
	}
	if err := a.Reload(t.Context(), cameras(t, "ours="+small, "theirs="+small)); err != nil {
		t.Fatal(err)
	}
	if s, err := info(nc, "ours"); err != nil || s.Instance != a.base.Instance {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := info(nc, "theirs"); err != nil || s.Instance == a.base.Instance {
		t.Errorf("%+v, %v", s, err)
	}
	stop()
	if !l.said("camera theirs is already served") {
		t.Error("it is not said that another agent serves a camera")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Reload(ended, cameras(t, "ours="+large)); !errors.Is(err, context.Canceled) {
		t.Errorf("of an agent that has ended: %v", err)
	}
}
