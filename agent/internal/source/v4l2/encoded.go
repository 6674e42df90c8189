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

	// requestInterval is after how many frames a key frame that does not come is asked for again.
	requestInterval = 30
)

// pictures reads a camera's own JPEGs.
type jpegReader struct {
	drop func(drop.Reason, uint64)
	buf  []byte // reused where tables must be put in
}

func (p *jpegReader) onGap() {}

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

// h264Reader reads a camera's H.264: one access unit a buffer.
type h264Reader struct {
	drop            func(drop.Reason, uint64)
	reorders        *atomic.Bool
	requestKeyFrame func() // for a key frame

	norm    h264.Normalizer
	buf     []byte
	started bool // a key frame has come
	intact  bool // and nothing was lost since the last one
	waited  int  // frames passed over since then
}

// onGap begins the wait for a key frame.
func (a *h264Reader) onGap() {
	if a.intact {
		a.intact, a.waited = false, 0
	}
}

// brightness remembers the parameter sets, which may come only once.
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
		a.onGap()
		a.dropFrame(drop.NoKey)
		return source.Frame{}, false
	case err != nil:
		a.onGap()
		a.dropFrame(drop.Decode)
		return source.Frame{}, false
	}
	if info.Copied {
		a.buf = out
	}
	if info.ParamsChanged {
		a.reorders.Store(info.Params.Reorders())
	}
	if !info.Key && !a.intact {
		a.dropFrame(a.waitReason())
		return source.Frame{}, false
	}
	a.started, a.intact = true, true
	return source.Frame{Data: out, Key: info.Key, Width: info.Width, Height: info.Height}, true
}

// waitReason returns why a frame that is no key frame cannot be shown.
func (a *h264Reader) waitReason() drop.Reason {
	if a.started {
		return drop.Gap
	}
	return drop.NoKey
}

// dropFrame counts a frame and asks for a key frame, repeatedly but not for each frame.
func (a *h264Reader) dropFrame(why drop.Reason) {
	a.drop(why, 1)
	if a.waited%requestInterval == 0 {
		a.requestKeyFrame()
	}
	a.waited++
}
