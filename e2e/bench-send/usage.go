//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func openFiles() error {
	const files = 8192
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: files, Max: files}); err != nil {
		return fmt.Errorf("open files: %w; raise the limit (ulimit -n)", err)
	}
	return nil
}

// usage is what a process has cost so far.
type usage struct {
	cpu          int64 // nanoseconds on a processor
	user, system int64 // ticks: only for their share
	switches     int64 // of its threads
}

// use reads the usage of a process with all its threads from /proc.
func use(pid int) (usage, error) {
	var u usage
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	tasks, err := filepath.Glob(filepath.Join(dir, "task", "*", "schedstat"))
	if err != nil || len(tasks) == 0 {
		return u, fmt.Errorf("process %d is not there", pid)
	}
	for _, name := range tasks {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that has just ended
		}
		var ns, waited, slices int64 // sched-stats.rst: on a processor, waiting for one, how often
		if _, err := fmt.Sscan(string(data), &ns, &waited, &slices); err != nil {
			return u, err
		}
		u.cpu += ns
		u.switches += slices
	}
	data, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return u, err
	}
	u.user, u.system, err = ticks(string(data))
	return u, err
}

// ticks returns utime and stime, fields 14 and 15 of proc_pid_stat(5). The program's name, in front, may hold anything.
func ticks(stat string) (user, system int64, err error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, 0, fmt.Errorf("no stat: %q", stat)
	}
	_, err = fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	return user, system, err
}

// emptyCall returns what a system call costs that does nothing.
func emptyCall() time.Duration {
	const calls = 100_000
	began := time.Now()
	for range calls {
		_, _, _ = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0) // cannot fail
	}
	return time.Since(began) / calls
}
