package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/internal/subprocess"
	"github.com/bramble-cam/bramble/shared/frame"
)

// maxShown bounds how much of a command line is shown, in bytes.
const maxShown = 200

// command runs any program whose standard output is MJPEG or H.264: a picamera2 script, ffmpeg, anything.
type command struct {
	line     string
	stopTime time.Duration // from SIGINT to SIGKILL; 0: as child.Config has it
	format   frame.Format
	env      Env
	reorders atomic.Bool
}

func newExec(_, line string, opts *options, env Env) (Source, error) {
	if strings.TrimSpace(line) == "" {
		return nil, errors.New("no command: write exec:COMMAND#format=h264 or #format=mjpeg")
	}
	name := opts.text("format", "")
	if name == "" {
		return nil, errors.New("what does the command write? add #format=h264 or #format=mjpeg")
	}
	format, err := parseStreamFormat(name)
	if err != nil {
		return nil, err
	}
	return &command{line: line, format: format, env: env}, nil
}

func (c *command) Kind() string         { return "exec" }
func (c *command) Format() frame.Format { return c.format }

// Warning tells of reordered pictures.
func (c *command) Warning() string {
	if c.reorders.Load() {
		return reorderWarning
	}
	return ""
}

// Run starts the command by the shell and reads it until ctx ends. A command that ends by itself has failed.
func (c *command) Run(ctx context.Context, sink Sink) error {
	cfg := subprocess.Config{Path: "/bin/sh", Args: []string{"-c", c.line}, StopTime: c.stopTime, Log: c.env.Log, Source: c.Kind()}
	out, err := subprocess.Run(ctx, cfg, func(_ context.Context, p subprocess.Pipes) error { return c.read(ctx, p.Stdout, sink) })
	switch {
	case err != nil:
		return fmt.Errorf("start %s: %w", c.shown(), err)
	case ctx.Err() != nil:
		return nil
	}
	return c.failure(out)
}

func (c *command) failure(out subprocess.Outcome) error {
	text := fmt.Sprintf("command %s ended", c.shown())
	if out.WaitErr != nil {
		text += " with " + out.WaitErr.Error()
	}
	if !errors.Is(out.ReadErr, errEnded) {
		text += ": " + out.ReadErr.Error()
	}
	if out.LastStderr != "" {
		text += "; it said: " + out.LastStderr
	}
	return errors.New(text)
}

// shown is the command as everybody may see it.
func (c *command) shown() string {
	line := subprocess.RedactURLs(c.line)
	if len(line) > maxShown {
		line = line[:maxShown] + "..."
	}
	return strconv.Quote(line)
}

// errEnded takes the place of io.EOF: the last access unit of a command that ended may be cut off, so it must not be taken for whole.
var errEnded = errors.New("end of its output")

type liveOutput struct{ io.Reader }

func (e liveOutput) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if err != nil {
		err = errEnded
	}
	return n, err
}

func (c *command) read(ctx context.Context, stdout io.Reader, sink Sink) error {
	frames := newReader(liveOutput{stdout}, c.format, c.env.Drops, &c.reorders)
	var start time.Time
	for {
		u, err := frames.next()
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		now := time.Now()
		if start.IsZero() {
			start = now
		}
		sink(Frame{Data: u.data, PTS: now.Sub(start), Captured: now, Key: u.key, Width: u.width, Height: u.height})
	}
}
