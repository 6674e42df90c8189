package systemd_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/bramble-cam/bramble/internal/systemd"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// notify runs Notify with a watchdog, and returns what systemd is told and a function that stops it.
func notify(t *testing.T, health func() string) (messages <-chan string, stop func()) {
	t.Helper()
	messages = testutil.ListenNotify(t)
	t.Setenv("WATCHDOG_USEC", "3000")
	stop = testutil.Run(t, func(ctx context.Context) error { return systemd.Notify(ctx, testutil.Log(t), health) })
	expect(t, messages, "READY=1")
	return messages, stop
}

func expect(t *testing.T, messages <-chan string, want string) {
	t.Helper()
	if got := testutil.Receive(t, want, messages); got != want {
		t.Errorf("systemd was told %q, want %q", got, want)
	}
}

// TestNotifyHangs: the watchdog is not fed while health does not return.
func TestNotifyHangs(t *testing.T) {
	hang, asked := make(chan struct{}), make(chan struct{}, 1<<10)
	messages, stop := notify(t, func() string { asked <- struct{}{}; <-hang; return "" })
	testutil.Receive(t, "health is asked", asked)
	select {
	case got := <-messages:
		t.Errorf("systemd was told %q of a service that hangs", got)
	default:
	}
	close(hang)
	expect(t, messages, "WATCHDOG=1")
	stop()
	for testutil.Receive(t, "stopping", messages) != "STOPPING=1" {
	}
}

// TestNotifyProblem: the watchdog is not fed while health names a problem.
func TestNotifyProblem(t *testing.T) {
	var healthy atomic.Bool
	asked := make(chan struct{}, 1<<10)
	messages, stop := notify(t, func() string {
		asked <- struct{}{}
		if healthy.Load() {
			return ""
		}
		return "a camera hangs"
	})
	for range 3 {
		testutil.Receive(t, "health is asked", asked)
	}
	select {
	case got := <-messages:
		t.Errorf("systemd was told %q of a service with a problem", got)
	default:
	}
	healthy.Store(true)
	expect(t, messages, "WATCHDOG=1")
	stop()
}

// TestNotifyWithoutSystemd: without systemd nothing happens until the end.
func TestNotifyWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := systemd.Notify(ctx, testutil.Log(t), func() string { t.Error("health was asked"); return "" }); err != nil {
		t.Error(err)
	}
}
