// Package file is the source "file:": it plays a .h264, .mjpeg or .jpeg file in a loop at a fixed rate.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/splitter"
	"github.com/bramble-cam/bramble/shared/frame"
)

// clip is the source. It reads the file as it plays: a long file costs no memory.
type clip struct {
	name     string
	format   frame.Format
	interval time.Duration
	env      source.Env
	reorders atomic.Bool
}

// New is the source.Factory. It fails if the file cannot be opened.
func New(spec source.Spec, env source.Env) (source.Source, error) {
	name := spec.Target
	if name == "" {
		return nil, errors.New("no file name: write file:clip.h264#fps=25")
	}
	c := &clip{name: name, env: env}
	fps := spec.Number("fps", 25, 0.2, 240)
	c.interval = time.Duration(float64(time.Second) / fps)
	suffix := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	switch format := spec.Text("format", suffix); format {
	case "h264", "264":
		c.format = frame.H264
	case "mjpeg", "mjpg", "jpeg", "jpg":
		c.format = frame.JPEG
	default:
		return nil, fmt.Errorf("what is in %s? name it .h264, .mjpeg or .jpeg, or add #format=h264 or #format=mjpeg",
			name)
	}
	if file, err := c.open(); err != nil {
		return nil, err
	} else if err := file.Close(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *clip) Kind() string         { return "file" }
func (c *clip) Format() frame.Format { return c.format }

// Warning implements source.Warner.
func (c *clip) Warning() string {
	if c.reorders.Load() {
		return source.ReorderWarning
	}
	return ""
}

func (c *clip) open() (io.ReadCloser, error) {
	if c.env.Files != nil {
		return c.env.Files.Open(c.name)
	}
	file, err := os.Open(c.name)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: let the user that runs bramble-agent read it", err)
	}
	return file, err
}

// Run plays the file until ctx ends.
func (c *clip) Run(ctx context.Context, sink source.Sink) error {
	pace := newPacer(c.interval)
	defer pace.stop()
	var frames *splitter.Reader // one for all rounds, because of its buffer
	for ctx.Err() == nil {
		file, err := c.open()
		if err != nil {
			return err
		}
		if frames == nil {
			frames = splitter.NewReader(file, c.format, c.env.Drops, &c.reorders)
		} else {
			frames.Reset(file)
		}
		played, err := c.play(ctx, frames, pace, sink)
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
		if played == 0 && ctx.Err() == nil {
			return fmt.Errorf("%s holds no complete %s frame", c.name, c.format)
		}
	}
	return nil
}

// play plays the file once and returns how many frames it had.
func (c *clip) play(
	ctx context.Context, frames *splitter.Reader, pace *pacer, sink source.Sink,
) (played int, err error) {
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			return played, nil
		}
		if err != nil {
			return played, fmt.Errorf("read %s: %w", c.name, err)
		}
		pts, ok := pace.wait(ctx)
		if !ok {
			return played, nil
		}
		f.PTS, f.Captured = pts, time.Now()
		sink(f)
		played++
	}
}
