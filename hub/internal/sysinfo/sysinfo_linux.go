package sysinfo

import (
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ReadLimits returns the limits as they are now.
func ReadLimits() Limits {
	l := Limits{Memory: memory("/")}
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) == nil {
		l.Files = files.Cur
	}
	return l
}

// DiskFree returns how many bytes users other than root may write below a directory.
func DiskFree(dir string) (bytes uint64, known bool) {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return 0, false
	}
	return fs.Bavail * uint64(fs.Bsize), true //nolint:gosec // a block has a size
}

// memory returns the memory in bytes that the process may use, by the file system below root.
func memory(root string) uint64 {
	least := total(root)
	groups, _ := os.ReadFile(path.Join(root, "proc/self/cgroup")) // a kernel without control groups has none
	for line := range strings.Lines(string(groups)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::") // of version 2
		if !ok {
			continue
		}
		for ; ; group = path.Dir(group) { // a limit holds for all below it
			if limit := number(path.Join(root, "sys/fs/cgroup", group, "memory.max")); limit > 0 {
				least = min(least, limit)
			}
			if group == "/" || group == "." {
				break
			}
		}
	}
	return least
}

// total returns the machine's memory in bytes.
func total(root string) uint64 {
	info, _ := os.ReadFile(path.Join(root, "proc/meminfo"))
	for line := range strings.Lines(string(info)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, _ := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// number reads a file that holds a number; 0 if it does not, as with the word max.
func number(name string) uint64 {
	text, _ := os.ReadFile(name)
	n, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n
}
