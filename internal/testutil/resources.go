package testutil

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// ResourceSnapshot counts what this process holds: open files, mapped video devices, child processes without a Wait,
// and goroutines.
type ResourceSnapshot struct{ Files, Mappings, Children, Goroutines int }

// TakeResourceSnapshot counts. It skips the test on a host without /proc.
func TakeResourceSnapshot(tb testing.TB) ResourceSnapshot {
	tb.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Skipf("no /proc here: %v", err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		tb.Fatal(err)
	}
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		tb.Fatal(err)
	}
	mappings := strings.Count(string(maps), "/dev/video")
	c := ResourceSnapshot{Files: len(files), Mappings: mappings, Goroutines: runtime.NumGoroutine()}
	for _, list := range lists {
		data, _ := os.ReadFile(list) // of a thread that may just have ended
		c.Children += len(strings.Fields(string(data)))
	}
	return c
}

// CheckNoLeaks waits until the process holds no more than the snapshot, and fails the test if it never does.
// It may hold less: the snapshot may have counted a goroutine that was about to end.
func (before ResourceSnapshot) CheckNoLeaks(tb testing.TB) {
	tb.Helper()
	var now ResourceSnapshot
	defer func() {
		if tb.Failed() {
			tb.Logf("before %+v, now %+v", before, now)
		}
	}()
	Eventually(tb, "the process holds no more than before", func() bool {
		now = TakeResourceSnapshot(tb)
		return now.Files <= before.Files && now.Mappings <= before.Mappings && now.Children <= before.Children &&
			now.Goroutines <= before.Goroutines
	})
}
