package subprocess_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/subprocess"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// TestThousandStarts: nothing is left of a thousand children, good and bad, some of them at once.
func TestThousandStarts(t *testing.T) {
	round := func(n int) {
		cfg := subprocess.Config{Path: "/bin/true", Extra: n % 3, Log: shell("").Log}
		switch n % 10 {
		case 7:
			cfg.Path = "/bin/no-such-program"
		case 8:
			cfg = shell("sleep 1000 & exit 1")
			cfg.StopTime = 10 * time.Millisecond
		case 9:
			cfg = shell("exec sleep 1000")
		}
		_, err := subprocess.Run(t.Context(), cfg, func(context.Context, subprocess.Pipes) error { return nil })
		if (err != nil) != (n%10 == 7) {
			t.Errorf("start %d: %v", n, err)
		}
	}
	many := func(starts int) {
		var all sync.WaitGroup
		for w := range 4 {
			all.Go(func() {
				for n := range starts / 4 {
					round(w + n)
				}
			})
		}
		all.Wait()
	}
	many(40) // the first starts open files that the runtime keeps
	before, threadsBefore := testutil.TakeResourceSnapshot(t), threads(t)
	many(1000)
	before.CheckNoLeaks(t)
	if n := threads(t); n > threadsBefore+8 { // Go keeps threads for later
		t.Errorf("%d threads, before %d", n, threadsBefore)
	}
}

// TestDiesWithParent: a camera must not stay taken by the child of an agent that was killed.
func TestDiesWithParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), asParent+"=echo $$; exec sleep 1000")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid, err := bufio.NewReader(out).ReadString('\n')
	if killErr := parent.Process.Kill(); err != nil || killErr != nil {
		t.Fatal(err, killErr)
	}
	_ = parent.Wait() // killed
	if _, err := strconv.Atoi(strings.TrimSpace(pid)); err != nil {
		t.Fatal(err)
	}
	expectGone(t, pid)
}

// TestOutlivesThreads: threads of this process that end, as Go's do when a goroutine that is locked to one returns,
// do not end the child.
func TestOutlivesThreads(t *testing.T) {
	out, err := subprocess.Run(t.Context(), shell("while :; do echo line; sleep 0.01; done"),
		func(ctx context.Context, p subprocess.Pipes) error {
			lines := bufio.NewReader(p.Stdout)
			for range 20 {
				var all sync.WaitGroup
				for range 10 {
					all.Go(runtime.LockOSThread)
				}
				all.Wait()
				if _, err := lines.ReadString('\n'); err != nil {
					return err
				}
			}
			return nil
		})
	if err != nil || out.ReadErr != nil || fmt.Sprint(out.WaitErr) != "signal: interrupt" {
		t.Errorf("%+v, %v", out, err)
	}
}
