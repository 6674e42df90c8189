package source

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// unit is one checked frame out of a byte stream; data is valid until the next one is read.
type unit struct {
	data          []byte
	key           bool
	width, height int
}

// checker decides which of the frames that a splitter found are good. The others are counted.
type checker interface {
	// check returns a frame as it is to be handed on, or false.
	check(data []byte) (unit, bool)

	// lost counts a frame that the splitter could not hand out, and says why.
	lost(err error)
}

func newChecker(format frame.Format, drops *drop.Counters, reorders *atomic.Bool) checker {
	if format == frame.H264 {
		return &h264Checker{drops: drops, reorders: reorders}
	}
	return &jpegChecker{drops: drops}
}

// reader cuts a byte stream without framing into frames. Broken ones are counted and passed over.
type reader struct {
	split interface {
		Next() ([]byte, error)
		input() *window
	}
	checker
}

func newReader(r io.Reader, format frame.Format, drops *drop.Counters, reorders *atomic.Bool) *reader {
	c := newChecker(format, drops, reorders)
	if format == frame.H264 {
		return &reader{NewAnnexBSplitter(r), c}
	}
	return &reader{NewJPEGSplitter(r), c}
}

// next returns the next good frame, or the error of the stream: io.EOF at its end.
func (r *reader) next() (unit, error) {
	for {
		data, err := r.split.Next()
		switch {
		case errors.Is(err, ErrFrameTooLarge), errors.Is(err, ErrFrameBroken):
			r.lost(err)
			continue
		case err != nil:
			return unit{}, err
		}
		if u, ok := r.check(data); ok {
			return u, nil
		}
	}
}

// lossOf names the reason for which a splitter gave a frame up.
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
	reorders *atomic.Bool // set when the parameter sets announce B-frames
	started  bool         // a key frame has come, and nothing was lost since the last one
}

func (c *h264Checker) check(au []byte) (unit, bool) {
	out, info, err := c.norm.Normalize(c.buf, au)
	switch {
	case errors.Is(err, h264.ErrNoPicture):
		return unit{}, false // parameter sets on their own: remembered
	case errors.Is(err, h264.ErrNoParams):
		c.lose(drop.NoKey)
		return unit{}, false
	case err != nil:
		c.lose(drop.Decode)
		return unit{}, false
	}
	if info.ParamsChanged {
		c.reorders.Store(info.Params.Reorders())
	}
	if !info.Key && !c.started {
		c.drops.Add(drop.NoKey, 1)
		return unit{}, false
	}
	c.started = true
	if info.Copied {
		c.buf = out
	}
	return unit{out, info.Key, info.Width, info.Height}, true
}

func (c *h264Checker) lost(err error) { c.lose(lossOf(err)) }

// lose counts a lost access unit; those up to the next key frame cannot be shown either.
func (c *h264Checker) lose(why drop.Reason) {
	c.drops.Add(why, 1)
	c.started = false
}

type jpegChecker struct{ drops *drop.Counters }

func (c *jpegChecker) check(data []byte) (unit, bool) {
	width, height, err := jpeg.Size(data)
	if err != nil {
		c.drops.Add(drop.Decode, 1)
		return unit{}, false
	}
	return unit{data, false, width, height}, true
}

func (c *jpegChecker) lost(err error) { c.drops.Add(lossOf(err), 1) }

const reorderWarning = "the encoder reorders pictures (B-frames): players show them late and MP4 times are not exact; " +
	"turn B-frames off (ffmpeg: -tune zerolatency or -bf 0)"

// parseStreamFormat maps the option format=h264|mjpeg|jpeg to a frame format.
func parseStreamFormat(s string) (frame.Format, error) {
	switch s {
	case "h264":
		return frame.H264, nil
	case "mjpeg", "jpeg":
		return frame.JPEG, nil
	}
	return "", fmt.Errorf("format=%s: must be h264 or mjpeg", s)
}
