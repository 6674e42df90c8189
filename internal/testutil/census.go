package testutil

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Census is what this process holds at a moment: open files, mapped video devices, child processes that nobody has waited for yet, and goroutines.
type Census struct{ Files, Mappings, Children, Goroutines int }

// TakeCensus counts, and skips the test where there is no /proc to count in.
func TakeCensus(tb testing.TB) Census {
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
	c := Census{Files: len(files), Mappings: strings.Count(string(maps), "/dev/video"), Goroutines: runtime.NumGoroutine()}
	for _, list := range lists {
		data, _ := os.ReadFile(list) // of a thread that may just have ended
		c.Children += len(strings.Fields(string(data)))
	}
	return c
}

// NothingLeft fails the test if the process holds, and goes on holding, more than at the time of the census. Less is right: a goroutine is still counted
// for a moment after those who wait for it have gone on, so the census may have counted one that was about to go.
func (before Census) NothingLeft(tb testing.TB) {
	tb.Helper()
	var now Census
	defer func() {
		if tb.Failed() {
			tb.Logf("before %+v, now %+v", before, now)
		}
	}()
	Eventually(tb, "the process holds no more than before", func() bool {
		now = TakeCensus(tb)
		return now.Files <= before.Files && now.Mappings <= before.Mappings && now.Children <= before.Children && now.Goroutines <= before.Goroutines
	})
}
