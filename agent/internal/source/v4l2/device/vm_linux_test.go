//go:build linux && cgo

package device

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// camera returns the path of one of the virtual machine's devices: vivid, mjpeg, h264 or uvc.
func camera(tb testing.TB, name string) string {
	tb.Helper()
	if os.Getenv(strings.ToUpper(name)+"_DEVICE") == "" {
		tb.Skip("no V4L2 device here: make test-v4l2 runs this in a VM")
	}
	return "/dev/rig/" + name // follows the device when it is plugged in again
}

// guest runs a command of the virtual machine: plug, unplug, freeze or thaw.
func guest(tb testing.TB, command ...string) {
	tb.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		tb.Fatalf("%s: %v: %s", strings.Join(command, " "), err, out)
	}
}

func openDevice(tb testing.TB, cfg Config) *Device {
	tb.Helper()
	d, err := Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// record streams n buffers into copies of theirs.
func record(tb testing.TB, d *Device, n int) []Buffer {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), testutil.Timeout)
	defer cancel()
	var list []Buffer
	err := d.Run(ctx, func(b Buffer) {
		if len(list) == n {
			return
		}
		b.Data = append([]byte(nil), b.Data...)
		if list = append(list, b); len(list) == n {
			cancel()
		}
	})
	if err != nil || len(list) < n {
		tb.Fatalf("Run: %v after %d of %d buffers", err, len(list), n)
	}
	return list
}

// collectGarbage keeps the collector running, so that stacks shrink whenever they can, until stop is called.
func collectGarbage(tb testing.TB) (stop func()) {
	return testutil.Run(tb, func(ctx context.Context) error {
		for ctx.Err() == nil {
			runtime.GC()
		}
		return nil
	})
}

func wantErr(tb testing.TB, err, want error, words ...string) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("error %v, want one that wraps %q", err, want)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			tb.Errorf("error %q does not name %q", err, w)
		}
	}
}
