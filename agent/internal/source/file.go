package source

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

	"github.com/bramble-cam/bramble/shared/frame"
)

// file plays a .h264, .mjpeg or .jpeg file for ever at a fixed rate. It reads as it plays: a long clip costs no memory.
type file struct {
	name     string
	format   frame.Format
	interval time.Duration
	env      Env
	reorders atomic.Bool
}

func newFile(_, name string, opts *options, env Env) (Source, error) {
	if name == "" {
		return nil, errors.New("no file name: write file:clip.h264#fps=25")
	}
	f := &file{name: name, env: env}
	fps := opts.number("fps", 25, 0.2, 240)
	f.interval = time.Duration(float64(time.Second) / fps)
	suffix := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	switch format := opts.text("format", suffix); format {
	case "h264", "264":
		f.format = frame.H264
	case "mjpeg", "mjpg", "jpeg", "jpg":
		f.format = frame.JPEG
	default:
		return nil, fmt.Errorf("what is in %s? name it .h264, .mjpeg or .jpeg, or add #format=h264 or #format=mjpeg", name)
	}
	if file, err := f.open(); err != nil {
		return nil, err
	} else if err := file.Close(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *file) Kind() string         { return "file" }
func (f *file) Format() frame.Format { return f.format }

// Warning tells of reordered pictures.
func (f *file) Warning() string {
	if f.reorders.Load() {
		return reorderWarning
	}
	return ""
}

func (f *file) open() (io.ReadCloser, error) {
	if f.env.Files != nil {
		return f.env.Files.Open(f.name)
	}
	file, err := os.Open(f.name)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: let the user that runs bramble-agent read it", err)
	}
	return file, err
}

// Run plays the file until ctx ends.
func (f *file) Run(ctx context.Context, sink Sink) error {
	pace := newPacer(f.interval)
	defer pace.stop()
	var memory []byte // of the window, the same for every round: a clip of a second would leave a frame's worth of garbage each second
	for ctx.Err() == nil {
		played, err := f.play(ctx, pace, sink, &memory)
		if err != nil {
			return err
		}
		if played == 0 && ctx.Err() == nil {
			return fmt.Errorf("%s holds no complete %s frame", f.name, f.format)
		}
	}
	return nil
}

// play plays the file once and returns how many frames it had.
func (f *file) play(ctx context.Context, pace *pacer, sink Sink, memory *[]byte) (played int, err error) {
	file, err := f.open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	frames := newReader(file, f.format, f.env.Drops, &f.reorders)
	window := frames.split.input()
	window.buf = *memory
	defer func() { *memory = window.buf }()
	for {
		u, err := frames.next()
		if errors.Is(err, io.EOF) {
			return played, nil
		}
		if err != nil {
			return played, fmt.Errorf("read %s: %w", f.name, err)
		}
		pts, ok := pace.wait(ctx)
		if !ok {
			return played, nil
		}
		sink(Frame{Data: u.data, PTS: pts, Captured: time.Now(), Key: u.key, Width: u.width, Height: u.height})
		played++
	}
}
