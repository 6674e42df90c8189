package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Memory is what a process occupies of RAM.
type Memory struct {
	RSS, Peak int64 // bytes: now, and the most since it began
	Anon      int64 // bytes of RSS that are its own; the rest is its program file, which the kernel can drop
}

// Memory reads /proc/PID/status.
func (p *Process) Memory() (Memory, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	for line := range strings.Lines(string(data)) {
		field := strings.Fields(line)
		into := map[string]*int64{"VmRSS:": &m.RSS, "VmHWM:": &m.Peak, "RssAnon:": &m.Anon}[field[0]]
		if into == nil {
			continue
		}
		kib, err := strconv.ParseInt(field[1], 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("/proc/%d/status: %q", p.PID(), line)
		}
		*into = kib << 10
	}
	if m.RSS == 0 {
		return Memory{}, fmt.Errorf("/proc/%d/status tells no memory: %s has ended", p.PID(), p.name)
	}
	return m, nil
}

// CPU returns the processor time that the process's threads have used so far, to the nanosecond. A thread that has
// ended is not counted any more; Go's do not end.
func (p *Process) CPU() (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.PID()))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, name := range tasks {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that has just ended
		}
		var ns time.Duration
		if _, err := fmt.Sscan(string(data), &ns); err != nil {
			return 0, fmt.Errorf("%s: %q", name, data)
		}
		sum += ns
	}
	if sum == 0 {
		return 0, fmt.Errorf("/proc/%d tells no processor time: %s has ended", p.PID(), p.name)
	}
	return sum, nil
}

// Written returns how many bytes the process has written, to connections mostly.
func (p *Process) Written() (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.PID()))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(data), "wchar: ")
	text, _, _ := strings.Cut(rest, "\n")
	if !ok {
		return 0, fmt.Errorf("/proc/%d/io: %q", p.PID(), data)
	}
	return strconv.ParseInt(text, 10, 64)
}

// Sockets returns how many sockets the process has open.
func (p *Process) Sockets() (int, error) {
	dir := fmt.Sprintf("/proc/%d/fd", p.PID())
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			// else it has just been closed
			n++
		}
	}
	return n, nil
}
