//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// server is a process under test.
type server struct {
	cmd    *exec.Cmd
	stderr *strings.Builder
	out    *bufio.Reader
}

// startServer starts a program on one core only.
func startServer(core int, name string, args ...string) (*server, error) {
	s := &server{cmd: exec.Command(name, args...), stderr: &strings.Builder{}}
	s.cmd.Stderr = s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	return s, pinned(core, s.cmd.Start)
}

// pinned calls f on a thread that may use one core only; processes that it starts inherit that.
func pinned(core int, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("core %d: %w", core, err)
	}
	err := f()
	if back := unix.SchedSetaffinity(0, &before); err == nil {
		err = back
	}
	return err
}

// stop ends the process as Ctrl-C would.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	_, _ = io.Copy(io.Discard, s.out)
	_ = s.cmd.Wait() // its exit code is no figure
}

// usage is what a process has cost so far.
type usage struct {
	cpu int64 // nanoseconds on a processor
	rss int   // resident, in kB
}

// use reads the usage of a process with all its threads from /proc.
func use(pid int) (usage, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	tasks, err := filepath.Glob(filepath.Join(dir, "task", "*", "schedstat"))
	if err != nil || len(tasks) == 0 {
		return usage{}, fmt.Errorf("process %d is not there", pid)
	}
	var u usage
	for _, name := range tasks {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that has just ended
		}
		var ns int64
		if _, err := fmt.Sscan(string(data), &ns); err != nil {
			return u, err
		}
		u.cpu += ns
	}
	data, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, err = fmt.Sscan(rest, &u.rss)
		}
	}
	return u, err
}
