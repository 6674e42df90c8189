// Package rpicam is the source "rpicam:": cameras at the camera connector of a Raspberry Pi, through the program
// rpicam-vid.
package rpicam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/subprocess"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

const (
	// maxBackoff is short because it costs little to try again when the program is missing or the camera is busy.
	maxBackoff = 2 * time.Second

	// stallTimeout is how long after its last frame a camera is given up when rpicam-vid reports a timeout.
	// rpicam-vid would never stop restarting it.
	stallTimeout = 3 * time.Second
)

// host is the Pi that the camera is connected to.
type host struct {
	programs []string             // names or paths, the best first
	hardware func() (bool, error) // whether there is a hardware H.264 encoder
	env      []string             // of the program; nil means this process's own
	stall    time.Duration        // see stallTimeout
	stopTime time.Duration        // see child.Config
}

func localPi() host {
	return host{programs: []string{"rpicam-vid", "libcamera-vid"}, stall: stallTimeout,
		hardware: func() (bool, error) { return hasHardwareH264("/dev/video11") }}
}

// camera is a camera on a Pi's camera connector. Only libcamera can read it, and every Raspberry Pi OS
// has libcamera's rpicam-vid. It runs as a child process, and its H.264 or MJPEG is cut into frames. rpicam-vid has no
// way to request a key frame, so camera is no KeyFramer. Instead a key frame comes every second.
type camera struct {
	env      source.Env
	host     host
	reorders atomic.Bool
	warning  atomic.Value // string: Warning's other text

	tool *tool // owned by Run; nil: to be looked for

	mu      sync.Mutex
	set     settings
	restart context.CancelCauseFunc // guarded by mu; ends the Run; nil while there is none
}

// New is the source.Factory.
func New(spec source.Spec, env source.Env) (source.Source, error) {
	set, err := parseSettings(spec)
	if err != nil {
		return nil, err
	}
	return &camera{env: env, host: localPi(), set: set}, nil
}

// Kind implements source.Source.
func (r *camera) Kind() string { return "rpicam" }

// Format implements source.Source.
func (r *camera) Format() frame.Format { return r.settings().codec }

// ClockSource implements source.Clocked. The times between frames are the sensor's, but which instant the first one
// belongs to is known by arrival only: rpicam-vid tells it by --metadata, at the price of thirty lines a frame, and
// not at all for H.264 on a Pi 5.
func (r *camera) ClockSource() string { return status.ClockArrival }

// MaxBackoff implements source.Retrier.
func (r *camera) MaxBackoff() time.Duration { return maxBackoff }

// Warning implements source.Warner.
func (r *camera) Warning() string {
	remark, _ := r.warning.Load().(string)
	if r.reorders.Load() {
		return strings.TrimPrefix(remark+"; ", "; ") +
			"the encoder reorders pictures (B-frames): players show them late and MP4 times are not exact; " +
			"rpicam-apps 1.6.0 or newer can do without: sudo apt update && sudo apt full-upgrade"
	}
	return remark
}

// Run implements source.Source: it runs rpicam-vid until ctx ends. Afterwards no process and no file of it is left.
func (r *camera) Run(ctx context.Context, sink source.Sink) error {
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	set := r.setRestart(cancel)
	defer r.setRestart(nil)
	err := r.runTool(run, set, sink)
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(context.Cause(run), source.ErrRestart):
		return source.ErrRestart
	}
	return err
}

// setRestart notes how to end the Run, and returns the settings for it.
func (r *camera) setRestart(cancel context.CancelCauseFunc) settings {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restart = cancel
	return r.set
}

// runTool finds the program, runs it and hands over its frames.
func (r *camera) runTool(ctx context.Context, set settings, sink source.Sink) (err error) {
	if r.tool == nil {
		if r.tool, err = findTool(ctx, r.host, r.env.Log); err != nil {
			return err
		}
	}
	plan, err := makePlan(r.tool, r.host, set)
	if err != nil {
		return err
	}
	r.warning.Store(plan.warning)
	out, err := openOutput(plan)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()

	trouble := &faultDetector{onStall: out.wake.wake}
	stream := newStream(r, set, plan, out, trouble, sink)
	cfg := subprocess.Config{
		Path: r.tool.path, Args: plan.argv(set, out.path), Env: r.host.env, Extra: 1, Drain: out.drain(),
		StopTime: r.host.stopTime,
		Log:      r.env.Log, Source: r.Kind(), OnStderr: trouble.onLine,
	}
	r.env.Log.Debug("starting", logkey.Source, r.Kind(), "program", cfg.Path, "arguments", cfg.Args)
	ended, err := subprocess.Run(ctx, cfg, stream.run)
	if err != nil {
		r.tool = nil
		return fmt.Errorf("start %s: %w", cfg.Path, err)
	}
	if stream.frames == 0 {
		r.tool = nil // another version may have been installed
	}
	return trouble.explain(ended)
}
