package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Memory is what a process occupies of RAM.
type Memory struct {
	RSS, Peak int64 // bytes: now, and the most since it began
	Anon      int64 // bytes of RSS that are its own; the rest is its program file, which the kernel can drop
}

// ticksPerSecond is USER_HZ, which is 100 on every Linux architecture that Go runs on.
const ticksPerSecond = 100

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

// CPU returns the processor time that the process has used so far, in steps of 10 ms.
func (p *Process) CPU() (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), ") ") // the program's name, in front, may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: %q", p.PID(), data)
	}
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime, fields 14 and 15 of proc(5)
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/%d/stat: %w", p.PID(), err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}
