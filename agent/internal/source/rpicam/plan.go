package rpicam

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/bramble-cam/bramble/shared/frame"
)

// plan is how to run rpicam-vid on this host.
type plan struct {
	tool    *tool
	variant variant
	timed   bool   // it writes the times of its frames, which tell where they end
	viaFIFO bool   // its output must have a name
	warning string // what could be better, and the remedy
}

type variant int

const (
	variantMJPEG       variant = iota // any Pi: libjpeg
	variantHardware                   // H.264 by the VideoCore of a Pi 0 to 4
	variantSoftware                   // H.264 by libx264 on a Pi 5
	variantSoftwareOld                // the same before rpicam-apps 1.8.0: no times
)

// makePlan chooses the variant for this Pi and this version.
func makePlan(tool *tool, host host, set settings) (plan, error) {
	p := plan{tool: tool, variant: variantMJPEG, timed: true}
	if set.codec == frame.JPEG {
		return p, nil
	}
	hardware, err := host.hardware()
	switch {
	case err != nil:
		return p, err
	case hardware && max(set.width, set.height) > maxHardwareSide:
		return p, fmt.Errorf("size=%dx%d: the H.264 encoder of this Pi takes no more than %d pixels a side: choose a "+
			"smaller size, or codec=mjpeg",
			set.width, set.height, maxHardwareSide)
	case hardware:
		p.variant = variantHardware
	case tool.elementary:
		p.variant, p.viaFIFO = variantSoftware, true
	default:
		p.variant, p.timed = variantSoftwareOld, false
		p.warning = "this version of rpicam-apps gives no times for H.264 on this Pi, so every frame comes one frame " +
			"late; 1.8.0 or newer does: " +
			"sudo apt update && sudo apt full-upgrade"
	}
	return p, nil
}

// argv returns the arguments, one by one. output is the name of the FIFO, where there is one.
func (p plan) argv(set settings, output string) []string {
	args := []string{
		"-n", "-t", "0", "--camera", strconv.Itoa(set.camera), "--width", strconv.Itoa(set.width), "--height",
		strconv.Itoa(set.height), "--framerate", strconv.FormatFloat(set.fps, 'f', -1, 64), "--flush",
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
	if p.variant == variantMJPEG {
		args = append(args, "--codec", "mjpeg", "--quality", strconv.Itoa(set.quality))
	} else {
		args = append(args, "--codec", "h264")
		if p.variant == variantSoftwareOld {
			args = append(args, "--libav-format", "h264")
		}
		args = append(args, "--inline", "--intra", strconv.Itoa(set.keyInterval()),
			"--bitrate", strconv.Itoa(set.bitrate))
	}
	switch p.variant {
	case variantHardware:
		add("--profile", "high")
		add("--level", "4.1")
	case variantSoftware, variantSoftwareOld:
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
