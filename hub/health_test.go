package hub

import (
	"net"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestSystemd: a hub says that it is ready when it listens, feeds the watchdog, and says when it stops.
func TestSystemd(t *testing.T) {
	messages := testutil.ListenNotify(t)
	t.Setenv("WATCHDOG_USEC", "300000")
	h, err := New(Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	stop := testutil.Run(t, h.Run)
	if got := testutil.Receive(t, "ready", messages); got != "READY=1" {
		t.Errorf("said %q first", got)
	}
	if conn, err := net.Dial("tcp", h.httpAddr); err != nil {
		t.Errorf("ready, but %v", err)
	} else {
		_ = conn.Close() // nothing was sent
	}
	for range 3 {
		if got := testutil.Receive(t, "the watchdog is fed", messages); got != "WATCHDOG=1" {
			t.Errorf("said %q", got)
		}
	}
	stop()
	for testutil.Receive(t, "stopping", messages) != "STOPPING=1" {
	}
}
