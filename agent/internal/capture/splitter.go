package capture

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/h264"
	"github.com/bramble-cam/bramble/shared/jpegscan"
)

// unit is one checked frame out of a byte stream; data is valid until the next one is read.
type unit struct {
	data          []byte
	key           bool
	width, height int
}

// reader cuts a byte stream without framing into frames. Broken ones are counted and passed over.
type reader interface {
	// next returns the next good frame, or the error of the stream: io.EOF at its end.
	next() (unit, error)
}

func newReader(r io.Reader, format frame.Format, drops *drop.Counters, reorders *atomic.Bool) reader {
	if format == frame.H264 {
		return &h264Reader{split: NewAnnexBSplitter(r), drops: drops, reorders: reorders}
	}
	return &jpegReader{split: NewJPEGSplitter(r), drops: drops}
}

type h264Reader struct {
	split    *AnnexBSplitter
	norm     h264.Normalizer
	buf      []byte
	drops    *drop.Counters
	reorders *atomic.Bool // set when the parameter sets announce B-frames
	started  bool         // a key frame has come, and nothing was lost since the last one
}

func (r *h264Reader) next() (unit, error) {
	for {
		au, err := r.split.Next()
		if errors.Is(err, ErrFrameTooLarge) {
			r.lose(drop.Oversize)
			continue
		}
		if err != nil {
			return unit{}, err
		}
		out, info, err := r.norm.Normalize(r.buf, au)
		switch {
		case errors.Is(err, h264.ErrNoPicture):
			continue // parameter sets on their own: remembered
		case errors.Is(err, h264.ErrNoParams):
			r.lose(drop.NoKey)
			continue
		case err != nil:
			r.lose(drop.Decode)
			continue
		}
		if info.ParamsChanged {
			r.reorders.Store(info.Params.Reorders())
		}
		if !info.Key && !r.started {
			r.drops.Add(drop.NoKey, 1)
			continue
		}
		r.started = true
		if info.Copied {
			r.buf = out
		}
		return unit{out, info.Key, info.Width, info.Height}, nil
	}
}

// lose counts a lost access unit; those up to the next key frame cannot be shown either.
func (r *h264Reader) lose(why drop.Reason) {
	r.drops.Add(why, 1)
	r.started = false
}

type jpegReader struct {
	split *JPEGSplitter
	drops *drop.Counters
}

func (r *jpegReader) next() (unit, error) {
	for {
		data, err := r.split.Next()
		switch {
		case errors.Is(err, ErrFrameTooLarge):
			r.drops.Add(drop.Oversize, 1)
			continue
		case errors.Is(err, ErrFrameBroken):
			r.drops.Add(drop.Decode, 1)
			continue
		case err != nil:
			return unit{}, err
		}
		width, height, err := jpegscan.Size(data)
		if err != nil {
			r.drops.Add(drop.Decode, 1)
			continue
		}
		return unit{data, false, width, height}, nil
	}
}

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
