package proc

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// OnCore calls f on a thread that may use one core only. Processes that f starts inherit that.
func OnCore(core int, f func() error) error {
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

// AtIdlePriority calls f on a thread that runs when nothing else wants to (SCHED_IDLE in sched(7)), and never again on
// it. Processes that f starts inherit that.
func AtIdlePriority(f func() error) error {
	done := make(chan error, 1)
	go func() { // received below
		runtime.LockOSThread() // for good: the thread ends with the goroutine, since it may not go back
		err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
		if err != nil {
			err = fmt.Errorf("the scheduler's class for what can wait cannot be had: %w", err)
		} else {
			err = f()
		}
		done <- err
	}()
	return <-done
}
