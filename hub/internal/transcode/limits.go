package transcode

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bramble-cam/bramble/internal/subprocess"
)

// DefaultMemory is how many MiB of data an ffmpeg process may have: 4K pictures need 400, of a camera with many
// reference frames 500.
const DefaultMemory = 1024

// maxFiles is how many files ffmpeg may have open: a handful, and what a graphics driver needs.
const maxFiles = 64

// niceness is ffmpeg's. The hub's work for all viewers, including those of cameras' own streams, has precedence over
// renditions for a few.
const niceness = 10

// limits returns the limits of an ffmpeg process. It decodes untrusted data. Drivers of graphics hardware map much more
// memory than they use, and write files, so with them there are fewer limits.
func (c *Config) limits() *subprocess.Limits {
	l := &subprocess.Limits{Files: maxFiles, Nice: niceness}
	if software(c.HWAccel) {
		l.Memory, l.NoWrites = int64(c.Memory)<<20, true
	}
	return l
}

func software(hwaccel string) bool { return hwaccel == "" || hwaccel == "none" }

// environment returns the variables that ffmpeg gets: where its libraries are, and those that graphics drivers need.
// It gets no secrets. It gets none of its own variables either, because they can make it write reports and read
// settings from files.
func environment(hwaccel string) []string {
	names := []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"}
	var prefixes []string
	if !software(hwaccel) {
		names = append(names, "HOME", "DISPLAY", "XDG_RUNTIME_DIR")
		prefixes = []string{"LIBVA_", "CUDA_", "NVIDIA_", "MESA_"}
	}
	kept := []string{} // not nil: that would be everything
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		hasPrefix := func(p string) bool { return strings.HasPrefix(name, p) }
		if slices.Contains(names, name) || slices.ContainsFunc(prefixes, hasPrefix) {
			kept = append(kept, e)
		}
	}
	return kept
}

// oomDetector scans what ffmpeg writes to stderr for out-of-memory messages.
type oomDetector struct{ noMemory atomic.Bool }

// onLine is for subprocess.Config.
func (d *oomDetector) onLine(line string) slog.Level {
	// Of libc, of x264, of the loader; and of ffmpeg, when x264 has no memory for a thread and does not say so.
	for _, sign := range []string{
		"Cannot allocate memory", "malloc of size", "failed to map segment", "cannot map", "while opening encoder",
		"submitting video frame",
	} {
		if strings.Contains(line, sign) {
			d.noMemory.Store(true)
		}
	}
	return slog.LevelWarn
}

// remedy says what to do if ffmpeg may have ended for lack of memory, or "".
func (d *oomDetector) remedy(memory int) string {
	if !d.noMemory.Load() || memory == 0 {
		return ""
	}
	return fmt.Sprintf("; it may have %d MiB of memory: if that is the cause make the camera's pictures smaller, "+
		"or raise max-transcode-memory", memory)
}
