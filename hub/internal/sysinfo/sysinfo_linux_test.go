package sysinfo

import (
	"os"
	"path/filepath"
	"testing"
)

// The least of the machine's memory and of the limits above the process counts.
func TestMemory(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  uint64
	}{
		"no control groups": {nil, 2048 << 10},
		"no limit": {map[string]string{"proc/self/cgroup": "0::/system.slice/hub.service\n",
			"sys/fs/cgroup/system.slice/hub.service/memory.max": "max\n"}, 2048 << 10},
		"of the service": {map[string]string{"proc/self/cgroup": "0::/system.slice/hub.service\n",
			"sys/fs/cgroup/system.slice/hub.service/memory.max": "1048576\n"}, 1 << 20},
		"of the slice": {map[string]string{"proc/self/cgroup": "0::/system.slice/hub.service\n",
			"sys/fs/cgroup/system.slice/memory.max":             "524288\n",
			"sys/fs/cgroup/system.slice/hub.service/memory.max": "1048576\n"}, 1 << 19},
		"of a container": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1048576\n"}, 1 << 20},
		"version 1 only": {map[string]string{"proc/self/cgroup": "4:memory:/x\n"}, 2048 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "proc/meminfo", "MemTotal:        2048 kB\nMemFree: 12 kB\n")
			for file, text := range test.files {
				write(t, root, file, text)
			}
			if got := memory(root); got != test.want {
				t.Errorf("%d, want %d", got, test.want)
			}
		})
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHere(t *testing.T) {
	if l := ReadLimits(); l.Memory < 64<<20 || l.Files < 64 {
		t.Errorf("%+v", l)
	}
	if n, ok := DiskFree(t.TempDir()); !ok || n == 0 {
		t.Errorf("%d bytes free, %t", n, ok)
	}
	if _, ok := DiskFree(filepath.Join(t.TempDir(), "nothing")); ok {
		t.Error("a directory that is not there has room")
	}
}
