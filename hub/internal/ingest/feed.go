package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/bramble-cam/bramble/hub/internal/mpjpeg"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/internal/natsconn/headerlimit"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

const (
	// maxPending is the largest message that may wait for its turn: a frame with its header.
	maxPending = frame.MaxPayload + headerlimit.Max

	// maxWaiting is how many messages of one camera may wait. What waits is already late: a second or two of frames at most.
	maxWaiting = 64
)

var (
	errBoundary = errors.New("the picture contains \"" + mpjpeg.Boundary + "\", which separates pictures in MJPEG: " +
		"viewers could be shown forged pictures")
	errPixels = errors.New("the picture is too large")
)

// boundary must not occur in a JPEG. It is never modified.
var boundary = []byte(mpjpeg.Boundary)

// feed turns one camera's messages into frames of its stream. Its handle is called by one goroutine of nats.go.
type feed struct {
	into    *stream.Stream
	faults  *faultLog
	subject string
	norm    h264.Normalizer
	frames  *rate.Limiter // per second that are taken; nil: all
	bytes   *rate.Limiter // the same
	pixels  int           // maximum of a picture; 0: the limit of frame.CheckSize
	flooded func()        // called for each frame that is shed
	heavy   func()        // called for each heavy frame, when all else has been done with it
}

// Limits are what is taken of one camera; 0 means all.
type Limits struct {
	FPS       int // frames per second, and as many at once
	Pixels    int // millions of pixels in a picture
	Bandwidth int // MB (10^6 bytes) per second, and a tenth of that, but at least the largest frame, at once
}

// newFeed returns a feed that takes what limits allow.
func newFeed(into *stream.Stream, faults *faultLog, subject string, limits Limits) *feed {
	f := &feed{into: into, faults: faults, subject: subject, flooded: func() {}, heavy: func() {}}
	f.frames, f.bytes = limits.limiters()
	f.pixels = limits.Pixels * 1e6
	return f
}

// limiters returns the limiters of one camera; nil where there is no limit.
func (l Limits) limiters() (frames, bytes *rate.Limiter) {
	if l.FPS > 0 {
		frames = rate.NewLimiter(rate.Limit(l.FPS), l.FPS)
	}
	if l.Bandwidth > 0 {
		perSecond := l.Bandwidth * 1e6
		bytes = rate.NewLimiter(rate.Limit(perSecond), max(perSecond/10, frame.MaxPayload))
	}
	return frames, bytes
}

// shed drops a frame beyond the limits before anything of it is looked at: what that costs, and what its viewers do, must not depend on how much an agent sends.
func (f *feed) shed(msg *nats.Msg) bool {
	if len(msg.Data) == 0 || f.frames == nil && f.bytes == nil {
		return false
	}
	now := time.Now()
	if (f.frames == nil || f.frames.AllowN(now, 1)) && (f.bytes == nil || f.bytes.AllowN(now, len(msg.Data))) {
		return false
	}
	f.into.CountRateLimited(now)
	f.flooded()
	return true
}

// handle takes in one message. nats.go has made msg.Data for us alone: it goes into the ring without a copy.
func (f *feed) handle(msg *nats.Msg) {
	if f.shed(msg) {
		return
	}
	f.take(msg)
	if len(msg.Data) >= heavyFrame {
		f.heavy() // from here on another goroutine may be in handle
	}
}

func (f *feed) take(msg *nats.Msg) {
	fr, err := frame.Decode(f.into.Format(), frame.Header(msg.Header), msg.Data)
	switch {
	case errors.Is(err, frame.ErrNoPayload): // a probe
		return
	case err != nil: // not even its number can be trusted
		f.into.Drops.Add(reason(err), 1)
		f.faults.report(f.subject, err)
		return
	case f.into.Stale(&fr): // before its parameter sets could replace those of the run that is followed
		return
	}
	item := &stream.Packet{Frame: fr}
	err = f.inspect(item)
	switch {
	case err == nil:
		f.into.Append(item)
	case errors.Is(err, h264.ErrNoPicture):
		f.into.SkipEmpty(&fr)
	default:
		f.into.Drop(&fr, reason(err))
		f.faults.report(f.subject, err)
	}
}

// reason says for what a frame with this fault is dropped.
func reason(err error) drop.Reason {
	switch {
	case errors.Is(err, frame.ErrOversize):
		return drop.Oversize
	case errors.Is(err, frame.ErrDimensions), errors.Is(err, errPixels):
		return drop.Dimensions
	case errors.Is(err, errBoundary):
		return drop.Boundary
	}
	return drop.Decode
}

// inspect checks the payload and fills in what it says of itself: an agent's word is not taken for it.
func (f *feed) inspect(item *stream.Packet) (err error) {
	if item.Format == frame.JPEG {
		if item.Width, item.Height, err = jpeg.Check(item.Payload); err != nil {
			return err
		}
		if bytes.Contains(item.Payload, boundary) {
			return errBoundary
		}
		if err := frame.CheckSize(item.Width, item.Height); err != nil {
			return err
		}
		return f.checkPixels(item.Width * item.Height)
	}
	au, info, err := f.norm.Normalize(nil, item.Payload)
	if err != nil {
		return err
	}
	item.Payload, item.Key = au, info.Key
	item.Width, item.Height, item.Params = info.Width, info.Height, info.Params
	return f.checkPixels(info.Pixels)
}

// checkPixels refuses pictures with more pixels than browsers should have to decode.
func (f *feed) checkPixels(n int) error {
	if f.pixels > 0 && n > f.pixels {
		return fmt.Errorf("%w: %.1f million pixels, at most %d are allowed: lower the camera's size, or raise "+
			"--max-megapixels at the hub", errPixels, float64(n)/1e6, f.pixels/1e6)
	}
	return nil
}
