package discover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// ErrNoTool means that there is no program to list Pi cameras.
var ErrNoTool = errors.New("rpicam-apps are not installed: sudo apt install rpicam-apps-lite")

// listPiCameras runs the first program there is that can list Pi cameras. Their names changed with version 1.4.
func listPiCameras(ctx context.Context) (string, error) {
	for _, name := range []string{"rpicam-hello", "libcamera-hello", "rpicam-vid", "libcamera-vid"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, "--list-cameras") //nolint:gosec // one of the names above
		cmd.WaitDelay = time.Second                             // for a child of its own that keeps the pipes open
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err = cmd.Run()
		text := stdout.String() + "\n" + stderr.String() // the first versions list on stderr
		if ctx.Err() != nil {
			return text, fmt.Errorf("%s --list-cameras did not end in time: %w", name, ctx.Err())
		}
		if err != nil {
			return text, fmt.Errorf("%s --list-cameras: %w: %s", name, err, lastLine(stderr.String()))
		}
		return text, nil
	}
	return "", ErrNoTool
}

// piCameras returns the Pi cameras. It lists them once, because listing takes a second and disturbs a running camera,
// and they are not plugged in while the Pi runs. It lists them again after an error, or if the kernel has found one
// meanwhile.
func (f *Finder) piCameras(ctx context.Context, nodes []Camera) []Camera {
	sensors := 0
	for _, n := range nodes {
		if sensorNode(n) {
			sensors++
		}
	}
	found := slices.ContainsFunc(f.pi, usable)
	if !found && (sensors != f.sensors || len(f.pi) > 0) {
		f.pi, f.sensors = f.askPiCameras(ctx, nodes), sensors
	}
	return slices.Clone(f.pi)
}

// askPiCameras runs the program that lists them. nodes tell whether there should be one.
func (f *Finder) askPiCameras(ctx context.Context, nodes []Camera) []Camera {
	ctx, cancel := context.WithTimeout(ctx, f.opts.Timeout)
	defer cancel()
	text, err := f.opts.PiCameras(ctx)
	encoder := slices.ContainsFunc(nodes, func(n Camera) bool { return n.Driver == "bcm2835-codec" })
	connected := slices.ContainsFunc(nodes, sensorNode)
	var list []Camera
	for _, cam := range parseListing(text) {
		if strings.Contains(cam.id, "/usb") { // a webcam: V4L2 gets its JPEGs as they are
			continue
		}
		list = append(list, cam.found(encoder))
	}
	trouble := ""
	switch {
	case errors.Is(err, ErrNoTool) && !connected: // no Pi, or none with a camera
	case err != nil:
		trouble = err.Error()
	case len(list) == 0 && connected:
		trouble = "the kernel sees a camera, but rpicam-hello --list-cameras lists none. May this user open " +
			"/dev/video* and /dev/media* (group video)? " +
			"Else rpicam-hello -v says what is wrong"
	}
	if trouble != "" {
		list = append(list, Camera{Kind: RPiCam, Title: "Raspberry Pi camera", Stable: RPiCam, Skipped: trouble})
	}
	return list
}

// found describes a Pi camera. encoder is true on Pis with a hardware encoder: all before the Pi 5.
func (l listed) found(encoder bool) Camera {
	c := Camera{
		Kind: RPiCam, Title: sensorTitle(l.sensor), Stable: l.id, Driver: l.sensor, Formats: l.modes,
		key: l.id, order: fmt.Sprint(l.index),
	}
	width, height, fps := l.pick(encodedTarget())
	options := fmt.Sprintf("size=%dx%d&fps=%s", width, height, Rate(fps))
	what := fmt.Sprintf("%dx%d, %s fps", width, height, Rate(fps))
	h264 := Option{
		Source: fmt.Sprintf("%s:%d#codec=h264&%s", RPiCam, l.index, options), What: "H.264 " + what,
		Why: "the Pi's hardware encodes it",
	}
	if !encoder {
		h264.Why = "far less of the network than MJPEG. A Pi 5 has no hardware encoder: there it costs CPU time, as " +
			"MJPEG does"
	}
	mjpeg := Option{
		Source: fmt.Sprintf("%s:%d#codec=mjpeg&%s", RPiCam, l.index, options), What: "MJPEG " + what,
		Why: "for viewers of .jpeg and .mjpeg in place of .h264 and .mp4; takes far more of the network, and CPU time",
	}
	c.Use, c.Alternatives = &h264, []Option{mjpeg}
	return c
}

// pick chooses size and rate. The image processor scales a sensor mode down to any size, so that a mode need only be
// large and fast enough.
func (l listed) pick(a target) (width, height int, fps float64) {
	var largest Size
	for _, s := range l.sizes() {
		if s.Width >= a.width && s.Height >= a.height {
			fps = max(fps, s.fastest(a.fps))
		}
		if area(s) > area(largest) {
			largest = s
		}
	}
	switch {
	case fps > 0:
		return a.width, a.height, min(fps, a.fps)
	case largest.Width > 0: // a small sensor; the encoder wants even numbers
		return min(largest.Width, a.width) &^ 1, min(largest.Height, a.height) &^ 1, min(largest.fastest(a.fps), a.fps)
	}
	return a.width, a.height, a.fps // no mode listed: let it try
}

// fastest returns a sensor mode's highest rate, or what else to take if it is not known.
func (s Size) fastest(unknown float64) float64 {
	if len(s.Rates) == 0 {
		return unknown
	}
	return s.Rates[0]
}
