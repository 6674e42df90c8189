package v4l2

import (
	"errors"
	"sync/atomic"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/shared/drop"
)

const (
	// minJPEG is the size of the smallest JPEG there can be, in bytes. Cameras that are out of step deliver less.
	minJPEG = 125

	// blackJPEG is how many pixels of a picture take one byte when there is nothing in it. Cameras that have just
	// been started deliver black.
	blackJPEG = 50

	// askAgain is after how many frames a key frame that does not come is asked for again.
	askAgain = 30
)

// pictures reads a camera's own JPEGs.
type jpegReader struct {
	drop func(drop.Reason, uint64)
	buf  []byte // reused where tables must be put in
}

func (p *jpegReader) gap() {}

func (p *jpegReader) brightness(data []byte) (level int) {
	picture, width, height, err := jpeg.First(data)
	if err != nil || len(picture) < width*height/blackJPEG {
		return 0
	}
	return len(picture)
}

func (p *jpegReader) read(data []byte) (f source.Frame, ok bool) {
	picture, width, height, err := jpeg.First(data)
	if err != nil || len(picture) < minJPEG {
		p.drop(drop.Decode, 1)
		return source.Frame{}, false
	}
	out, copied := jpeg.WithTables(p.buf, picture)
	if copied {
		p.buf = out
	}
	return source.Frame{Data: out, Width: width, Height: height}, true
}

// h264Reader reads what a camera's H.264 encoder delivers: one access unit a buffer.
type h264Reader struct {
	drop     func(drop.Reason, uint64)
	reorders *atomic.Bool
	ask      func() // for a key frame

	norm    h264.Normalizer
	buf     []byte
	started bool // a key frame has come
	whole   bool // and nothing was lost since the last one
	waited  int  // frames passed over since then
}

// gap begins the wait for a key frame.
func (a *h264Reader) gap() {
	if a.whole {
		a.whole, a.waited = false, 0
	}
}

// brightness takes the parameter sets, which may come only once.
func (a *h264Reader) brightness(data []byte) (level int) {
	_, _, _ = a.norm.Normalize(a.buf, data) // what is wrong with it does not matter, since it is dropped
	return 0
}

func (a *h264Reader) read(data []byte) (f source.Frame, ok bool) {
	out, info, err := a.norm.Normalize(a.buf, data)
	switch {
	case errors.Is(err, h264.ErrNoPicture):
		return source.Frame{}, false // parameter sets on their own: remembered
	case errors.Is(err, h264.ErrNoParams):
		a.gap()
		a.refuse(drop.NoKey)
		return source.Frame{}, false
	case err != nil:
		a.gap()
		a.refuse(drop.Decode)
		return source.Frame{}, false
	}
	if info.Copied {
		a.buf = out
	}
	if info.ParamsChanged {
		a.reorders.Store(info.Params.Reorders())
	}
	if !info.Key && !a.whole {
		a.refuse(a.waiting())
		return source.Frame{}, false
	}
	a.started, a.whole = true, true
	return source.Frame{Data: out, Key: info.Key, Width: info.Width, Height: info.Height}, true
}

// waiting says why what is no key frame cannot be shown.
func (a *h264Reader) waiting() drop.Reason {
	if a.started {
		return drop.Gap
	}
	return drop.NoKey
}

// refuse counts a frame and asks for a key frame, at once and then again now and then.
func (a *h264Reader) refuse(why drop.Reason) {
	a.drop(why, 1)
	if a.waited%askAgain == 0 {
		a.ask()
	}
	a.waited++
}
