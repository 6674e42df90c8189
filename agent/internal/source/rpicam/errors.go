package rpicam

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/subprocess"
)

// faultDetector finds known faults in the standard error of rpicam-vid, which includes libcamera's.
type faultDetector struct {
	onStall func()       // wakes the reader of the frames; may be nil
	stalled atomic.Bool  // libcamera has reported a timeout, and no frame has come since
	known   atomic.Int32 // index from 1 of the most important of faults that was found; 0: none
}

// fault is a fault that has a remedy.
type fault struct {
	says   string // part of a line, in lower case
	is     error
	remedy string
}

var (
	errMemory  = errors.New("not enough memory for the camera's buffers")
	errOptions = errors.New("rpicam-vid does not take its options")
	errSystem  = errors.New("this system cannot run rpicam-vid")
)

// faults lists the known faults. One that explains others comes first.
func faults() []fault {
	return []fault{
		{"cannot allocate memory", errMemory,
			"lower the size, or set args=--buffer-count 3; on a Pi with 512 MB close other programs"},
		{"out of memory", errMemory,
			"lower the size, or set args=--buffer-count 3; on a Pi with 512 MB close other programs"},
		{"pipeline handler in use", source.ErrBusy,
			"stop the other program (rpicam-hello, motion, a browser, a second agent)"},
		{"failed to acquire camera", source.ErrBusy,
			"stop the other program (rpicam-hello, motion, a browser, a second agent)"},
		{"device or resource busy", source.ErrBusy,
			"stop the other program (rpicam-hello, motion, a browser, a second agent)"},
		{"permission denied", source.ErrPermission,
			"sudo usermod -aG video USER for the user that runs bramble-agent, then log in again"},
		{"no cameras available", source.ErrGone, "is its cable in place at both ends, with the contacts the right " +
			"way round? Switch the Pi off before you touch it. " +
			"`rpicam-hello --list-cameras` must list the camera; a third-party one needs a dtoverlay line in " +
			"/boot/firmware/config.txt. USB cameras are v4l2:"},
		{"selected camera is not available", source.ErrGone,
			"`bramble-agent devices` lists the cameras with their numbers"},
		{"legacy camera stack", errSystem, "switch it off: sudo raspi-config, Interface Options, Legacy Camera; or " +
			"use the camera as v4l2:/dev/video0"},
		{"only supports the raspberry pi", errSystem,
			"a Pi camera needs a Raspberry Pi with Raspberry Pi OS. USB cameras are v4l2:"},
		{"find an appropriate h.264 codec", errSystem, "it has no H.264 encoder: sudo apt install rpicam-apps " +
			"(rpicam-apps-lite has none for a Pi 5), or codec=mjpeg"},
		{"unrecognised option", errOptions, "check args: `rpicam-vid --help` lists what this version knows"},
		{"cannot be specified more than once", errOptions, "check args for an option that is there twice"},
		{"the required argument for option", errOptions, "check args for an option without its value"},
		{"the argument (", errOptions, "check args for a wrong value"},
		{"device timeout detected", errStalled, "check the camera's cable (ribbon) and its two connectors with the " +
			"Pi switched off; a cable that is too long or " +
			"worn does this too"},
		{"frontend has timed out", errStalled,
			"check the camera's cable (ribbon) and its two connectors with the Pi switched off"},
	}
}

// onLine checks a line and returns its log level. libcamera writes a dozen lines at every start, and often a warning
// that means nothing.
func (t *faultDetector) onLine(line string) slog.Level {
	lower := strings.ToLower(line)
	for i, f := range faults() {
		if strings.Contains(lower, f.says) {
			if known := t.known.Load(); known == 0 || int32(i) < known {
				t.known.Store(int32(i) + 1)
			}
			break
		}
	}
	if strings.Contains(lower, "device timeout detected") && t.onStall != nil {
		t.stalled.Store(true)
		t.onStall()
	}
	if strings.Contains(line, "ERROR") {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// reset forgets the faults because frames are coming.
func (t *faultDetector) reset() {
	t.stalled.Store(false)
	t.known.Store(0)
}

// explain returns an error that says why rpicam-vid ended.
func (t *faultDetector) explain(ended subprocess.Outcome) error {
	said := ""
	if ended.LastStderr != "" {
		said = fmt.Sprintf("; rpicam-vid said: %s", ended.LastStderr)
	}
	if known := t.known.Load(); known > 0 {
		f := faults()[known-1]
		return fmt.Errorf("%w: %s%s", f.is, f.remedy, said)
	}
	text := "rpicam-vid ended"
	if ended.WaitErr != nil {
		text += " with " + ended.WaitErr.Error()
	}
	if ended.ReadErr != nil && !errors.Is(ended.ReadErr, errEnded) {
		text += ": " + ended.ReadErr.Error()
	}
	return errors.New(text + said)
}
