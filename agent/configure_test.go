package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/status"
)

// fakeConfigurer is a fakeSource with one control and a clock of its own.
type fakeConfigurer struct {
	*fakeSource
	got chan source.Settings
}

func (s *fakeConfigurer) Configure(c source.Settings) error {
	if v := c.Controls["brightness"]; v > 64 {
		return fmt.Errorf("%w: brightness=%d: must be from -64 to 64", source.ErrSetting, v)
	}
	s.got <- c
	return nil
}

func (*fakeConfigurer) Controls() []status.Control {
	return []status.Control{{Name: "brightness", Type: "int", Min: -64, Max: 64, Step: 1}}
}

func (*fakeConfigurer) ClockSource() string       { return status.ClockV4L2 }
func (*fakeConfigurer) MaxBackoff() time.Duration { return time.Second }

// TestConfigure: settings reach the source, refusals reach the one who asked, and controls are listed for who asks
// and not every few seconds.
func TestConfigure(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	_, statuses := subscribe(t, nc, "cam.porch.status")
	a, src := fakeAgent(t, url)
	full := &fakeConfigurer{src, make(chan source.Settings, 1)}
	a.cameras[0] = newCamera("porch", full, a.cameras[0].drops, a.base, a.log)
	if a.cameras[0].maxBackoff != time.Second {
		t.Errorf("longest pause %v", a.cameras[0].maxBackoff)
	}
	runAgent(t, a, nc)

	reply, err := nc.Request("cam.porch.do.configure", []byte(`{"controls":{"brightness":5}}`), testutil.Timeout)
	if err != nil || reply.Header.Get(micro.ErrorHeader) != "" {
		t.Fatalf("%v, %v", reply, err)
	}
	if got := testutil.Receive(t, "the settings", full.got); got.Controls["brightness"] != 5 {
		t.Errorf("the source got %+v", got)
	}
	reply, err = nc.Request("cam.porch.do.configure", []byte(`{"controls":{"brightness":500}}`), testutil.Timeout)
	if err != nil || reply.Header.Get(micro.ErrorCodeHeader) != "400" ||
		!strings.Contains(reply.Header.Get(micro.ErrorHeader), "-64 to 64") {
		t.Errorf("%v, %v", reply, err)
	}
	if s, err := info(nc, "porch"); err != nil || len(s.Controls) != 1 || s.Clock.Source != status.ClockV4L2 {
		t.Errorf("info: %+v, %v", s, err)
	}
	if s := waitState(t, statuses, status.Idle); s.Controls != nil {
		t.Errorf("published with controls: %+v", s)
	}
}

// TestRestart: a source that restarts with other settings has not failed.
func TestRestart(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	_, statuses := subscribe(t, nc, "cam.porch.status")
	a, src := fakeAgent(t, url)
	runAgent(t, a, nc)
	_, got := subscribe(t, nc, "cam.porch.jpeg")
	run := testutil.Receive(t, "the start of the source", src.runs)
	run.send(t, shot(1))
	first := nextFrame(t, got)
	run.fail(t, fmt.Errorf("fps: %w", source.ErrRestart))
	run = testutil.Receive(t, "the source restarts", src.runs)
	run.send(t, shot(2))
	if f := nextFrame(t, got); f.Epoch <= first.Epoch || f.Seq != 0 {
		t.Errorf("epoch %d then %d, number %d", first.Epoch, f.Epoch, f.Seq)
	}
	for len(statuses) > 0 {
		if s, err := status.Decode((<-statuses).Data); err != nil || s.State == status.Degraded {
			t.Errorf("%+v, %v", s, err)
		}
	}
}

// TestLost: frames that a source lost leave a gap in the numbers, so that consumers can tell.
func TestLost(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	a, src := fakeAgent(t, url)
	runAgent(t, a, nc)
	_, got := subscribe(t, nc, "cam.porch.jpeg")
	run := testutil.Receive(t, "the start of the source", src.runs)
	run.send(t, shot(1))
	nextFrame(t, got)
	f := shot(2)
	f.Lost = 3
	run.send(t, f)
	if f := nextFrame(t, got); f.Seq != 4 {
		t.Errorf("number %d, want 4", f.Seq)
	}
}
