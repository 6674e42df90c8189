package hub

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// listenNotify takes the place of systemd: it returns what it is told.
func listenNotify(t *testing.T) <-chan string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	told := make(chan string, 1<<10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<10)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			told <- string(buf[:n])
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close() // which ends the reader
		<-done
	})
	return told
}

// TestSystemd: a hub says that it is ready when it listens, feeds the watchdog, and says when it stops.
func TestSystemd(t *testing.T) {
	told := listenNotify(t)
	t.Setenv("WATCHDOG_USEC", "300000")
	h, err := New(Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	stop := testutil.Run(t, h.Run)
	if got := testutil.Receive(t, "ready", told); got != "READY=1" {
		t.Errorf("said %q first", got)
	}
	if conn, err := net.Dial("tcp", h.httpAddr); err != nil {
		t.Errorf("ready, but %v", err)
	} else {
		_ = conn.Close() // nothing was sent
	}
	for range 3 {
		if got := testutil.Receive(t, "the watchdog is fed", told); got != "WATCHDOG=1" {
			t.Errorf("said %q", got)
		}
	}
	stop()
	for testutil.Receive(t, "stopping", told) != "STOPPING=1" {
	}
}

// TestStarve: the watchdog is not fed while the hub does not answer itself.
func TestStarve(t *testing.T) {
	told := listenNotify(t)
	t.Setenv("WATCHDOG_USEC", "3000")
	hang, asked := make(chan struct{}), make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = supervise(ctx, testutil.Log(t), func() { asked <- struct{}{}; <-hang }) // it never fails
	}()
	if got := testutil.Receive(t, "ready", told); got != "READY=1" {
		t.Errorf("said %q first", got)
	}
	testutil.Receive(t, "the hub is asked", asked)
	select {
	case got := <-told:
		t.Errorf("said %q of a hub that hangs", got)
	default:
	}
	close(hang)
	if got := testutil.Receive(t, "it answers again", told); got != "WATCHDOG=1" {
		t.Errorf("said %q", got)
	}
	cancel()
	testutil.Receive(t, "the end", ended(done))
}

// ended turns the closing of c into a value.
func ended(c <-chan struct{}) <-chan bool {
	out := make(chan bool, 1)
	go func() {
		<-c
		out <- true
	}()
	return out
}
