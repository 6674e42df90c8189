package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// world is the Pi around the program.
type world struct {
	version  version
	platform string   // vc4, pisp, legacy, unknown
	cameras  []string // models
	faults   faults
	clip     string // "": one from inside
	locks    string
	recordTo string
	tokens   string
}

func newWorld(lookup func(string) (string, bool)) (*world, error) {
	get := func(name, fallback string) string {
		if v, ok := lookup("BRAMBLE_FAKE_RPICAM" + name); ok {
			return v
		}
		return fallback
	}
	w := &world{
		platform: get("_PLATFORM", "pisp"), clip: get("_CLIP", ""), locks: get("_LOCKS", ""), recordTo: get("_RECORD", ""),
		tokens:  get("_TOKENS", ""),
		cameras: strings.FieldsFunc(get("_CAMERAS", "imx708,ov5647"), func(r rune) bool { return r == ',' }),
	}
	if !slices.Contains([]string{"vc4", "pisp", "legacy", "unknown"}, w.platform) {
		return nil, fmt.Errorf("BRAMBLE_FAKE_RPICAM_PLATFORM=%s: must be vc4, pisp, legacy or unknown", w.platform)
	}
	var err error
	if w.version, err = parseVersion(get("_VERSION", "1.9.0")); err != nil {
		return nil, err
	}
	w.faults, err = parseFaults(get("", ""))
	return w, err
}

// acquire takes a camera for as long as this process lives.
func (w *world) acquire(n int) error {
	switch {
	case w.faults.has("nocamera") || len(w.cameras) == 0:
		return fmt.Errorf("no cameras available")
	case n >= len(w.cameras):
		return fmt.Errorf("selected camera is not available")
	case w.faults.has("busy"):
		return busy(cameraID(w.cameras[n]))
	case w.locks == "":
		return nil
	}
	f, err := os.OpenFile(filepath.Join(w.locks, fmt.Sprintf("camera-%d", n)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	fd, err := unix.Dup(int(f.Fd())) // so that no finalizer closes it
	if err != nil {
		return err
	}
	if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil {
		return busy(cameraID(w.cameras[n]))
	}
	return nil
}

// busy is what libcamera and rpicam-vid say of a camera that another process has.
func busy(id string) error {
	logf(os.Stderr, "ERROR", "Camera camera.cpp:1022 Pipeline handler in use by another process")
	return fmt.Errorf("failed to acquire camera %s", id)
}

// version is a version of rpicam-apps.
type version struct{ major, minor, patch int }

func parseVersion(s string) (v version, err error) {
	if n, err := fmt.Sscanf(s, "%d.%d.%d", &v.major, &v.minor, &v.patch); n != 3 {
		return v, fmt.Errorf("BRAMBLE_FAKE_RPICAM_VERSION=%s: write it like 1.9.0: %w", s, err)
	}
	return v, nil
}

func (v version) atLeast(major, minor, patch int) bool {
	return slices.Compare([]int{v.major, v.minor, v.patch}, []int{major, minor, patch}) >= 0
}

// text is what --version prints. Before 1.5.3 there was no number in it.
func (v version) text() string {
	name, build := "rpicam-apps", "5fa1d9a8c0de-intree 01-02-2025 (03:04:05)"
	if !v.atLeast(1, 4, 0) {
		name = "libcamera-apps"
	}
	if v.atLeast(1, 5, 3) {
		build = fmt.Sprintf("v%d.%d.%d %s", v.major, v.minor, v.patch, build)
	}
	text := fmt.Sprintf("%s build: %s\n", name, build)
	if v.atLeast(1, 6, 0) {
		text += "rpicam-apps capabilites: egl:1 qt:1 drm:1 libav:1\n" // their spelling
	}
	return text + "libcamera build: v0.5.2+99-bfd68f78\n"
}
