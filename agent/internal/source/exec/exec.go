// Package exec is the source "exec:": any command that writes MJPEG or H.264 to its standard output.
package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/splitter"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/subprocess"
	"github.com/bramble-cam/bramble/shared/frame"
)

// maxShown bounds how much of a command line is shown, in bytes.
const maxShown = 200

// command is the source.
type command struct {
	line     string
	stopTime time.Duration // from SIGINT to SIGKILL; 0 means the default of subprocess.Config
	format   frame.Format
	env      source.Env
	reorders atomic.Bool
}

// New is the source.Factory.
func New(spec source.Spec, env source.Env) (source.Source, error) {
	if strings.TrimSpace(spec.Target) == "" {
		return nil, errors.New("no command: write exec:COMMAND#format=h264 or #format=mjpeg")
	}
	if spec.Text("format", "") == "" {
		return nil, errors.New("what does the command write? add #format=h264 or #format=mjpeg")
	}
	format, err := spec.Format("format", "")
	if err != nil {
		return nil, err
	}
	return &command{line: spec.Target, format: format, env: env}, nil
}

func (c *command) Kind() string         { return "exec" }
func (c *command) Format() frame.Format { return c.format }

// Warning implements source.Warner.
func (c *command) Warning() string {
	if c.reorders.Load() {
		return source.ReorderWarning
	}
	return ""
}

// Run starts the command with the shell and reads it until ctx ends. A command that ends by itself has failed.
func (c *command) Run(ctx context.Context, sink source.Sink) error {
	cfg := subprocess.Config{
		Path: "/bin/sh", Args: []string{"-c", c.line}, StopTime: c.stopTime, Log: c.env.Log, Source: c.Kind(),
	}
	out, err := subprocess.Run(ctx, cfg, func(_ context.Context, p subprocess.Pipes) error {
		return c.read(ctx, p.Stdout, sink)
	})
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

// shown returns the command as every consumer may see it.
func (c *command) shown() string {
	return strconv.Quote(printable.Truncate(subprocess.RedactURLs(c.line), maxShown))
}

// errEnded replaces io.EOF: the last access unit of a command that ended may be cut off, so it does not count as
// complete.
var errEnded = errors.New("end of its output")

// liveOutput is output that has no proper end.
type liveOutput struct{ io.Reader }

func (e liveOutput) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if err != nil {
		err = errEnded
	}
	return n, err
}

func (c *command) read(ctx context.Context, stdout io.Reader, sink source.Sink) error {
	frames := splitter.NewReader(liveOutput{stdout}, c.format, c.env.Drops, &c.reorders)
	var start time.Time
	for {
		f, err := frames.Next()
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
		f.PTS, f.Captured = now.Sub(start), now
		sink(f)
	}
}
