package v4l2

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// What scripts/test-v4l2.sh sets.
const (
	binEnv      = "BRAMBLE_V4L2_BIN"      // the folder of what runs in the guest
	progressEnv = "BRAMBLE_V4L2_PROGRESS" // a file whose lines are shown at once
	cacheEnv    = "V4L2VM_CACHE"          // where the virtual machine's parts are, and the clips
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needVM skips the test unless it was started to boot virtual machines.
func needVM(t *testing.T) {
	t.Helper()
	if os.Getenv(binEnv) == "" {
		t.Skip("not asked to boot a virtual machine: make test-v4l2 does")
	}
}

func binary(name string) string { return filepath.Join(os.Getenv(binEnv), name) }

func clip(name string) string { return filepath.Join(os.Getenv(cacheEnv), "clips", name+".raw") }

// progress prints what was done or measured.
func progress(t *testing.T, format string, args ...any) {
	t.Helper()
	line := fmt.Sprintf(format, args...)
	t.Log(line)
	f, err := os.OpenFile(os.Getenv(progressEnv), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return // not asked for
	}
	_, _ = fmt.Fprintln(f, line)
	_ = f.Close() // the log above has it
}

// ms rounds for people.
func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
