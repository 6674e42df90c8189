package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/bramble-cam/bramble/hub/internal/mpjpeg"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/codec/jpeg"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/natsconn/headerlimit"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

const (
	// maxPending is the largest message that may wait for its turn: a frame with its header.
	maxPending = frame.MaxPayload + headerlimit.Max

	// maxWaiting is how many messages of one camera may wait. What waits is already late: a second or two of frames at
	// most.
	maxWaiting = 64
)

var (
	errBoundary = errors.New("the picture contains \"" + mpjpeg.Boundary + "\", which separates pictures in MJPEG: " +
		"viewers could be shown forged pictures")
	errPixels = errors.New("the picture is too large")
)

// boundary must not occur in a JPEG.
var boundary = []byte(mpjpeg.Boundary) //nolint:gochecknoglobals // never modified; no allocation per frame

// receiver turns one camera's messages into frames of its stream. Its handle is called by one goroutine of nats.go.
type receiver struct {
	codec      media.Codec
	into       *stream.Stream
	dropLog    *dropLog
	subject    string
	norm       h264.Normalizer
	frames     *rate.Limiter // per second that are taken; nil: all
	bytes      *rate.Limiter // the same
	pixels     int           // maximum of a picture; 0: the limit of frame.CheckSize
	overloaded func()        // called for each frame beyond the limits
	bulk       func()        // called for each bulk frame, when all else has been done with it
}

// Limits are what is taken of one camera; 0 means all.
type Limits struct {
	FPS       int // frames per second, and as many at once
	Pixels    int // millions of pixels in a picture
	Bandwidth int // MB (10^6 bytes) per second, and a tenth of that, but at least the largest frame, at once
}

// newReceiver returns a receiver that takes what limits allow.
func newReceiver(into *stream.Stream, dropLog *dropLog, subject string, limits Limits) *receiver {
	f := &receiver{
		codec: into.Codec(), into: into, dropLog: dropLog, subject: subject, overloaded: func() {}, bulk: func() {},
	}
	f.frames, f.bytes = limits.limiters()
	f.pixels = limits.Pixels * 1e6
	return f
}

// overloadReason tells an operator why frames beyond the limits are dropped.
func (l Limits) overloadReason() string {
	var limits, settings []string
	if l.FPS > 0 {
		limits, settings = append(limits, fmt.Sprintf("%d frames", l.FPS)), append(settings, "max-fps")
	}
	if l.Bandwidth > 0 {
		limits, settings = append(limits, fmt.Sprintf("%d MB", l.Bandwidth)), append(settings, "max-bandwidth")
	}
	return fmt.Sprintf("its agent sends more than %s a second, and what is beyond that is dropped: "+
		"lower its fps or quality, or raise %s at this hub", strings.Join(limits, " or "), strings.Join(settings, " or "))
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

// overLimit drops a frame beyond the limits without reading it, so that its cost does not depend on its size.
func (f *receiver) overLimit(msg *nats.Msg) bool {
	if len(msg.Data) == 0 || f.frames == nil && f.bytes == nil {
		return false
	}
	now := time.Now()
	if (f.frames == nil || f.frames.AllowN(now, 1)) && (f.bytes == nil || f.bytes.AllowN(now, len(msg.Data))) {
		return false
	}
	f.into.CountRateLimited(now)
	f.overloaded()
	return true
}

// handle receives one message. nats.go allocates msg.Data for each message, so it goes into the ring without a copy.
func (f *receiver) handle(msg *nats.Msg) {
	if f.overLimit(msg) {
		return
	}
	f.decode(msg)
	if len(msg.Data) >= bulkFrameSize {
		f.bulk() // from here on another goroutine may be in handle
	}
}

func (f *receiver) decode(msg *nats.Msg) {
	wire, err := frame.Decode(frame.Format(f.codec), frame.Header(msg.Header), msg.Data)
	p := packetOf(wire)
	switch {
	case errors.Is(err, frame.ErrNoPayload): // a probe
		return
	case err != nil: // not even its number can be trusted
		f.into.Drops.Add(dropReason(err), 1)
		f.dropLog.report(f.subject, err)
		return
	case f.into.Stale(&p): // before its parameter sets could replace those of the run that is followed
		return
	}
	err = f.inspect(&p)
	switch {
	case err == nil:
		f.into.Append(p)
	case errors.Is(err, h264.ErrNoPicture):
		f.into.SkipEmpty(&p)
	default:
		f.into.Drop(&p, dropReason(err))
		f.dropLog.report(f.subject, err)
	}
}

// packetOf returns a frame of the wire as a packet of the first track.
func packetOf(f frame.Frame) media.Packet {
	return media.Packet{
		Seq: f.Seq, Epoch: f.Epoch, PTS: f.PTS, DTS: f.PTS, CaptureTime: f.CaptureTime, Key: f.Key, Payload: f.Payload,
	}
}

// dropReason says for what a frame with this fault is dropped.
func dropReason(err error) drop.Reason {
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

// inspect checks the payload and sets the packet's size and parameters from it. The agent's word does not count.
func (f *receiver) inspect(p *media.Packet) (err error) {
	if f.codec == media.JPEG {
		if p.Width, p.Height, err = jpeg.Check(p.Payload); err != nil {
			return err
		}
		if bytes.Contains(p.Payload, boundary) {
			return errBoundary
		}
		if err := frame.CheckSize(p.Width, p.Height); err != nil {
			return err
		}
		return f.checkPixels(p.Width * p.Height)
	}
	info, err := f.norm.NormalizePacket(p)
	if err != nil {
		return err
	}
	return f.checkPixels(info.Pixels)
}

// checkPixels refuses pictures with more pixels than browsers should have to decode.
func (f *receiver) checkPixels(n int) error {
	if f.pixels > 0 && n > f.pixels {
		return setting.Errorf("%w: %.1f million pixels, at most %d are allowed: lower the camera's size, or raise "+
			"{max-megapixels} at the hub", errPixels, float64(n)/1e6, f.pixels/1e6)
	}
	return nil
}
