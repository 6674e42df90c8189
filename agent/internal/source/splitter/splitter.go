// Package splitter cuts a byte stream without framing, such as the output of an encoder, into checked frames: JPEG
// pictures or H.264 access units.
//
// Framed input, such as the buffers of a V4L2 device, does not belong here.
package splitter

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// Checker decides which of the frames that a splitter found are good. It counts the others as drops.
type Checker interface {
	// Check returns the frame to deliver, without its times. It returns false if the frame is not good. The frame is
	// valid until the next call.
	Check(data []byte) (source.Frame, bool)

	// Lost counts a frame that the splitter could not return, for the reason err.
	Lost(err error)
}

// NewChecker returns the Checker of a format. It sets reorders when the parameter sets announce B-frames.
func NewChecker(format frame.Format, drops *drop.Counters, reorders *atomic.Bool) Checker {
	if format == frame.H264 {
		return &h264Checker{drops: drops, reorders: reorders}
	}
	return &jpegChecker{drops: drops}
}

// Reader reads the good frames of a byte stream. It counts the others as drops and goes on.
type Reader struct {
	format   frame.Format
	drops    *drop.Counters
	reorders *atomic.Bool

	split interface {
		Next() ([]byte, error)
		reset(io.Reader)
	}
	check Checker
}

// NewReader returns a Reader of what r delivers. It sets reorders as NewChecker's Checker does.
func NewReader(r io.Reader, format frame.Format, drops *drop.Counters, reorders *atomic.Bool) *Reader {
	reader := &Reader{format: format, drops: drops, reorders: reorders, split: NewJPEG(r)}
	if format == frame.H264 {
		reader.split = NewAnnexB(r)
	}
	reader.check = NewChecker(format, drops, reorders)
	return reader
}

// Reset makes the Reader as new for another stream of the same format. It keeps the memory of its buffer.
func (r *Reader) Reset(in io.Reader) {
	r.split.reset(in)
	r.check = NewChecker(r.format, r.drops, r.reorders)
}

// Next returns the next good frame without its times, or the error of the stream: io.EOF at its end. The frame is valid
// until the next call.
func (r *Reader) Next() (source.Frame, error) {
	for {
		data, err := r.split.Next()
		switch {
		case errors.Is(err, ErrFrameTooLarge), errors.Is(err, ErrFrameBroken):
			r.check.Lost(err)
			continue
		case err != nil:
			return source.Frame{}, err
		}
		if f, ok := r.check.Check(data); ok {
			return f, nil
		}
	}
}

// lossOf returns the reason for which a splitter could not return a frame.
func lossOf(err error) drop.Reason {
	if errors.Is(err, ErrFrameTooLarge) {
		return drop.Oversize
	}
	return drop.Decode
}

type h264Checker struct {
	norm     h264.Normalizer
	buf      []byte
	drops    *drop.Counters
	reorders *atomic.Bool
	started  bool // a key frame has come, and nothing was lost since the last one
}

func (c *h264Checker) Check(au []byte) (source.Frame, bool) {
	out, info, err := c.norm.Normalize(c.buf, au)
	switch {
	case errors.Is(err, h264.ErrNoPicture):
		return source.Frame{}, false // parameter sets on their own: remembered
	case errors.Is(err, h264.ErrNoParams):
		c.lost(drop.NoKey)
		return source.Frame{}, false
	case err != nil:
		c.lost(drop.Decode)
		return source.Frame{}, false
	}
	if info.ParamsChanged {
		c.reorders.Store(info.Params.Reorders())
	}
	if !info.Key && !c.started {
		c.drops.Add(drop.NoKey, 1)
		return source.Frame{}, false
	}
	c.started = true
	if info.Copied {
		c.buf = out
	}
	return source.Frame{Data: out, Key: info.Key, Width: info.Width, Height: info.Height}, true
}

func (c *h264Checker) Lost(err error) { c.lost(lossOf(err)) }

// lost counts a lost access unit. Those up to the next key frame cannot be shown either.
func (c *h264Checker) lost(why drop.Reason) {
	c.drops.Add(why, 1)
	c.started = false
}

type jpegChecker struct{ drops *drop.Counters }

func (c *jpegChecker) Check(data []byte) (source.Frame, bool) {
	width, height, err := jpeg.Size(data)
	if err != nil {
		c.drops.Add(drop.Decode, 1)
		return source.Frame{}, false
	}
	return source.Frame{Data: data, Width: width, Height: height}, true
}

func (c *jpegChecker) Lost(err error) { c.drops.Add(lossOf(err), 1) }
