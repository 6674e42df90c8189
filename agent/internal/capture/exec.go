package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/shared/frame"
)

const (
	// defaultStopTime is how long a command has to end after SIGINT before it is killed.
	defaultStopTime = 2 * time.Second

	// maxShown bounds how much of a command line is shown, in bytes.
	maxShown = 200
)

// credentials are what a URL in a command line or in its output may tell, but a status that everybody can read must not.
var credentials = regexp.MustCompile(`://[^/\s]+@`)

// command runs any program whose standard output is MJPEG or H.264: a picamera2 script, ffmpeg, anything.
type command struct {
	line     string
	stopTime time.Duration
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
	return &command{line: line, stopTime: defaultStopTime, format: format, env: env}, nil
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

// Run starts the command by the shell, in a process group of its own, and reads it until ctx ends. A command that ends by itself has failed.
func (c *command) Run(ctx context.Context, sink Sink) error {
	said := &lineLog{log: c.env.Log}
	cmd := exec.Command("/bin/sh", "-c", c.line)
	ownGroup(cmd)
	cmd.Stderr = said
	cmd.WaitDelay = c.stopTime // for a child that left the group and holds the pipe
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.shown(), err)
	}
	reading, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	var ender sync.WaitGroup
	ender.Go(func() { c.end(reading, cmd, stdout, ended) })

	readErr := c.read(reading, stdout, sink)
	stop()
	_, _ = io.Copy(io.Discard, stdout) // so that a command which flushes at its end can
	waitErr := cmd.Wait()
	close(ended)
	ender.Wait()
	killGroup(cmd) // children that outlived the shell
	if ctx.Err() != nil {
		return nil
	}
	return c.failure(readErr, waitErr, said.last())
}

// end stops the command when ctx ends: it asks, and after stopTime it insists. It returns when the command has ended.
func (c *command) end(ctx context.Context, cmd *exec.Cmd, stdout io.Closer, ended <-chan struct{}) {
	<-ctx.Done()
	_ = interruptGroup(cmd) // fails when the command has ended already
	timer := time.NewTimer(c.stopTime)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		killGroup(cmd)
		_ = stdout.Close() // a child that left the group may hold the other end
	}
}

func (c *command) failure(readErr, waitErr error, said string) error {
	text := fmt.Sprintf("command %s ended", c.shown())
	if waitErr != nil {
		text += " with " + waitErr.Error()
	}
	if !errors.Is(readErr, errEnded) {
		text += ": " + readErr.Error()
	}
	if said != "" {
		text += "; it said: " + said
	}
	return errors.New(text)
}

// shown is the command as everybody may see it.
func (c *command) shown() string {
	line := hideCredentials(c.line)
	if len(line) > maxShown {
		line = line[:maxShown] + "..."
	}
	return strconv.Quote(line)
}

// hideCredentials removes what a URL tells of a user and a password.
func hideCredentials(s string) string { return credentials.ReplaceAllString(s, "://xxxxx@") }

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
