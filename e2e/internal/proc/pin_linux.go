package proc

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Pinned calls f on a thread that may use one core only. Processes that f starts inherit that.
func Pinned(core int, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("core %d cannot be had, and the benchmark needs cores 0 and 1: %w", core, err)
	}
	err := f()
	if back := unix.SchedSetaffinity(0, &before); err == nil {
		err = back
	}
	return err
}
