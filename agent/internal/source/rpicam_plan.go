package source

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/bramble-cam/bramble/shared/frame"
)

// rpicamPlan is how rpicam-vid is to be run here.
type rpicamPlan struct {
	tool    *rpicamTool
	variant rpicamVariant
	timed   bool   // it writes the times of its frames, by which they can be cut
	viaFIFO bool   // its output must have a name
	remark  string // what is not as good as it could be, and the remedy
}

type rpicamVariant int

const (
	rpicamMJPEG       rpicamVariant = iota // any Pi: libjpeg
	rpicamHardware                         // H.264 by the VideoCore of a Pi 0 to 4
	rpicamSoftware                         // H.264 by libx264 on a Pi 5
	rpicamSoftwareOld                      // the same before rpicam-apps 1.8.0: no times
)

// planRPiCam chooses the variant for this Pi and this version.
func planRPiCam(tool *rpicamTool, host rpicamHost, set rpicamSettings) (rpicamPlan, error) {
	p := rpicamPlan{tool: tool, variant: rpicamMJPEG, timed: true}
	if set.codec == frame.JPEG {
		return p, nil
	}
	hardware, err := host.hardware()
	switch {
	case err != nil:
		return p, err
	case hardware && max(set.width, set.height) > rpicamMaxHardwareSide:
		return p, fmt.Errorf("size=%dx%d: the H.264 encoder of this Pi takes no more than %d pixels a side: choose a smaller size, or codec=mjpeg",
			set.width, set.height, rpicamMaxHardwareSide)
	case hardware:
		p.variant = rpicamHardware
	case tool.elementary:
		p.variant, p.viaFIFO = rpicamSoftware, true
	default:
		p.variant, p.timed = rpicamSoftwareOld, false
		p.remark = "this version of rpicam-apps gives no times for H.264 on this Pi, so every frame comes one frame late; 1.8.0 or newer does: " +
			"sudo apt update && sudo apt full-upgrade"
	}
	return p, nil
}

// argv returns the arguments, one by one. output is the name of the FIFO, where there is one.
func (p rpicamPlan) argv(set rpicamSettings, output string) []string {
	args := []string{
		"-n", "-t", "0", "--camera", strconv.Itoa(set.camera), "--width", strconv.Itoa(set.width), "--height", strconv.Itoa(set.height),
		"--framerate", strconv.FormatFloat(set.fps, 'f', -1, 64), "--flush",
	}
	// What follows may be set otherwise by args: rpicam-vid takes no option twice.
	add := func(option ...string) {
		if !slices.ContainsFunc(set.args, func(arg string) bool {
			name, ok := optionName(arg)
			return ok && "--"+name == option[0]
		}) {
			args = append(args, option...)
		}
	}
	add("--denoise", "cdn_off")
	if p.tool.noRaw {
		add("--no-raw") // with the next one: half the memory
	}
	add("--buffer-count", "4")
	if set.rotation != 0 {
		add("--rotation", strconv.Itoa(set.rotation))
	}
	if set.hflip {
		add("--hflip")
	}
	if set.vflip {
		add("--vflip")
	}
	if p.variant == rpicamMJPEG {
		args = append(args, "--codec", "mjpeg", "--quality", strconv.Itoa(set.quality))
	} else {
		args = append(args, "--codec", "h264")
		if p.variant == rpicamSoftwareOld {
			args = append(args, "--libav-format", "h264")
		}
		args = append(args, "--inline", "--intra", strconv.Itoa(set.keyInterval()), "--bitrate", strconv.Itoa(set.bitrate))
	}
	switch p.variant {
	case rpicamHardware:
		add("--profile", "high")
		add("--level", "4.1")
	case rpicamSoftware, rpicamSoftwareOld:
		if p.tool.lowLatency {
			args = append(args, "--low-latency")
		}
	}
	if p.timed {
		args = append(args, "--save-pts", "/dev/fd/3")
	}
	if !p.viaFIFO {
		output = "-"
	}
	return append(append(args, "-o", output), set.args...)
}
