// Package testutil is what tests of several packages share: real NATS servers, fixtures, and waiting without sleeping.
package testutil

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
)

// Timeout bounds every wait. It is long enough for a loaded machine under the race detector.
const Timeout = 30 * time.Second

// StartNATS starts a NATS server on a free loopback port and stops it when the test ends. It returns the server's URL.
func StartNATS(tb testing.TB) string {
	tb.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		MaxPayload: frame.MaxPayload})
	if err != nil {
		tb.Fatal(err)
	}
	go s.Start()
	tb.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(Timeout) {
		tb.Fatal("NATS server not ready")
	}
	return s.ClientURL()
}

// Connect connects to NATS and closes the connection when the test ends.
func Connect(tb testing.TB, url string) *nats.Conn {
	tb.Helper()
	closed := make(chan struct{})
	nc, err := nats.Connect(url, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		nc.Close()
		<-closed
	})
	return nc
}

// Run runs f in a goroutine until the test ends or stop is called. Both wait for f to return.
// An error other than the context's fails the test.
func Run(tb testing.TB, f func(context.Context) error) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				tb.Errorf("Run: %v", err)
			}
		case <-time.After(Timeout):
			tb.Errorf("Run does not end")
		}
	}
	tb.Cleanup(stop)
	return stop
}

// Eventually calls ok every 10 ms until it returns true, and fails the test if it never does.
// Use it only where there is no event to wait for.
func Eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline := time.NewTimer(Timeout)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			tb.Fatalf("not within %v: %s", Timeout, what)
		case <-tick.C:
		}
	}
}

// Receive waits for a value from c.
func Receive[T any](tb testing.TB, what string, c <-chan T) T {
	tb.Helper()
	select {
	case v, ok := <-c:
		if !ok {
			tb.Fatalf("closed: %s", what)
		}
		return v
	case <-time.After(Timeout):
		tb.Fatalf("not within %v: %s", Timeout, what)
	}
	panic("not reached")
}

// Log returns a logger of all levels. It writes to the test's log if the environment has BRAMBLE_TEST_LOG, else to
// SecretLog.
func Log(tb testing.TB) *slog.Logger {
	var w io.Writer = SecretLog{}
	if os.Getenv("BRAMBLE_TEST_LOG") != "" {
		w = tb.Output()
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// SecretLog appends to a file of the directory that the environment names by BRAMBLE_TEST_SECRET_LOG. Each test program
// has its own file. After all tests the files are searched for secrets. Without that variable it writes nothing.
type SecretLog struct{}

// Write appends b to the file. It keeps no file open, because tests count open files.
func (SecretLog) Write(b []byte) (int, error) {
	dir := os.Getenv("BRAMBLE_TEST_SECRET_LOG")
	if dir == "" {
		return len(b), nil
	}
	f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(os.Getpid())+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := f.Write(b)
	return n, errors.Join(err, f.Close())
}

// Fixture returns the path of a clip beside the checkout. It skips the test if the clip is not there.
func Fixture(tb testing.TB, name string) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		p := filepath.Join(dir, "shared", "footage", name)
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	tb.Skipf("shared footage not present: %s", name)
	return ""
}
