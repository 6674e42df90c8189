package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/status"
)

// TestReadyWithoutNATS: systemd need not restart an agent that waits for its hub.
func TestReadyWithoutNATS(t *testing.T) {
	messages := testutil.ListenNotify(t)
	t.Setenv("WATCHDOG_USEC", "300000")
	stop := testutil.Run(t, newAgent(t, config(t, "nats://127.0.0.1:1", "porch="+small)).Run)
	if got := testutil.Receive(t, "ready", messages); got != "READY=1" {
		t.Errorf("said %q first", got)
	}
	for range 3 {
		if got := testutil.Receive(t, "the watchdog is fed", messages); got != "WATCHDOG=1" {
			t.Errorf("said %q", got)
		}
	}
	stop()
	for {
		if got := testutil.Receive(t, "stopping", messages); got == "STOPPING=1" {
			return
		}
	}
}

// TestStalled: a source that does not end when it is told to, and a publisher that does not go on, are for systemd to
// end; a camera that fails is not.
func TestStalled(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	a, src := fakeAgent(t, url)
	runAgent(t, a, nc)
	c := a.cameras[0]
	if why := c.stalled(time.Now()); why != "" {
		t.Errorf("an idle camera: %q", why)
	}
	subscribe(t, nc, "cam."+c.name+".jpeg")
	run := testutil.Receive(t, "the source runs", src.runs)
	run.send(t, shot(1))
	if why := c.stalled(time.Now()); why != "" {
		t.Errorf("a live camera: %q", why)
	}
	if why := c.stalled(time.Now().Add(2 * publisherStall)); !strings.Contains(why, "publisher") {
		t.Errorf("a publisher that stands still: %q", why)
	}
	c.stopDeadline.Store(time.Now().Add(-time.Second).UnixNano())
	if why := c.stalled(time.Now()); !strings.Contains(why, "source of camera "+c.name) {
		t.Errorf("a source that does not end: %q", why)
	}
	c.stopDeadline.Store(0)
}

// TestStopDeadline: the time to end begins when a source is told to end, and is over when it has.
func TestStopDeadline(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	a, src := fakeAgent(t, url)
	src.stubborn = make(chan struct{})
	runAgent(t, a, nc)
	c := a.cameras[0]
	sub, _ := subscribe(t, nc, "cam."+c.name+".jpeg")
	testutil.Receive(t, "the source runs", src.runs)
	if c.stopDeadline.Load() != 0 {
		t.Error("a stop deadline is set, although nothing stopped the source")
	}
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "it is told to end", func() bool { return c.stopDeadline.Load() != 0 })
	close(src.stubborn)
	testutil.Eventually(t, "it has ended", func() bool { return c.stopDeadline.Load() == 0 })
}

// TestHangingDriver: a camera that gives no frames any more is degraded also if its driver does not let go of it.
func TestHangingDriver(t *testing.T) {
	t.Parallel()
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	_, statuses := subscribe(t, nc, "cam.porch.status")
	a, src := fakeAgent(t, url)
	src.stubborn = make(chan struct{})
	defer close(src.stubborn)
	a.cameras[0].frameTimeout = 200 * time.Millisecond
	runAgent(t, a, nc)
	subscribe(t, nc, "cam.porch.jpeg")
	testutil.Receive(t, "the start of the source", src.runs).send(t, shot(1))
	waitState(t, statuses, status.Live)
	if s := waitState(t, statuses, status.Degraded); !strings.Contains(s.Reason, "no frame") {
		t.Errorf("reason %q", s.Reason)
	}
}
