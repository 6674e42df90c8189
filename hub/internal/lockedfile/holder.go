package lockedfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// holder names the process that has locked a file, as far as the kernel reports it.
func holder(f *os.File) string {
	const unknown = "another program, perhaps another command of bramble-hub"
	info, err := f.Stat()
	if err != nil {
		return unknown
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	locks, err := os.ReadFile("/proc/locks") // exists on Linux only
	if !ok || err != nil {
		return unknown
	}
	for line := range bytes.Lines(locks) {
		// 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
		fields := strings.Fields(string(line))
		if len(fields) < 6 || fields[1] != "FLOCK" || !strings.HasSuffix(fields[5], ":"+strconv.FormatUint(st.Ino, 10)) {
			continue
		}
		pid, err := strconv.Atoi(fields[4])
		if err != nil || pid <= 0 {
			return unknown
		}
		name, err := os.ReadFile(filepath.Join("/proc", fields[4], "comm"))
		if err != nil {
			return "process " + fields[4]
		}
		return fmt.Sprintf("process %d (%q)", pid, strings.TrimSpace(string(name)))
	}
	return unknown
}
