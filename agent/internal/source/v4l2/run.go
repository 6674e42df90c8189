package v4l2

import (
	"context"
	"errors"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// Run implements source.Source. Calls must not overlap.
func (s *camera) Run(ctx context.Context, sink source.Sink) error { return s.run(ctx, sink) }

func (s *camera) run(ctx context.Context, sink source.Sink) error {
	if ctx.Err() != nil {
		return nil // the camera's light stays off
	}
	opened := s.host.now()
	running, end := context.WithCancelCause(ctx)
	defer end(nil)
	cam, err := s.open(end)
	if err == nil {
		r := s.newCapture(cam, opened, sink)
		err = errors.Join(cam.Run(running, r.onBuffer), s.close(cam))
	}
	if ctx.Err() != nil {
		if err != nil {
			s.env.Log.Warn("camera not released in good order", logkey.Err, err)
		}
		return nil
	}
	if errors.Is(context.Cause(running), source.ErrRestart) {
		return errors.Join(source.ErrRestart, err)
	}
	return err
}

// capture is one Run from the first buffer on. Run's goroutine owns it.
type capture struct {
	src     *camera
	sink    source.Sink
	reader  bufferReader
	order   gapDetector
	warmup  warmup
	times   timeline
	lost    uint64 // since the last frame that was delivered
	started bool   // a frame was delivered
}

// bufferReader makes frames of a camera's buffers in one format.
type bufferReader interface {
	// brightness measures how bright the picture in a buffer is, during the warm-up. It returns 0 if it cannot tell.
	brightness(data []byte) (level int)

	// read returns the frame in a buffer, valid until the next call. A frame that cannot be shown was counted as a
	// drop.
	read(data []byte) (f source.Frame, ok bool)

	// onGap notes that frames are missing before the next one.
	onGap()
}

func (s *camera) newCapture(cam captureDevice, opened time.Duration, sink source.Sink) *capture {
	r := &capture{src: s, sink: sink, warmup: newWarmup(s.warmup, opened)}
	switch given := cam.Negotiated(); given.Pixel {
	case device.H264:
		r.reader = &h264Reader{drop: r.drop, reorders: &s.reorders, requestKeyFrame: func() { s.askKeyFrame(cam) }}
	case device.YUYV, device.NV12:
		r.reader = &rawReader{given: given, drop: r.drop, quality: &s.quality, cost: &s.cost, now: s.host.now}
	default:
		r.reader = &jpegReader{drop: r.drop}
	}
	return r
}

// askKeyFrame runs in the goroutine of Run, which is the one that closes the camera.
func (s *camera) askKeyFrame(cam captureDevice) {
	if err := cam.RequestKeyFrame(); err != nil {
		s.env.Log.Debug("waiting for a key frame", logkey.Err, err) // it comes by itself, only later
	}
}

// drop counts n frames as dropped.
func (r *capture) drop(why drop.Reason, n uint64) {
	r.src.env.Drops.Add(why, n)
	if r.started {
		r.lost += n
	}
}

// onBuffer handles one buffer.
func (r *capture) onBuffer(b device.Buffer) {
	at, now := r.captured(b)
	missing, late := r.order.next(b, at)
	r.drop(drop.QueueHead, uint64(b.Skipped)) //nolint:gosec // not negative
	r.drop(drop.Driver, missing)
	if missing > 0 || b.Skipped > 0 {
		r.reader.onGap()
	}
	switch {
	case late: // it has been counted when a newer one overtook it
		return
	case b.Broken:
		r.drop(drop.Decode, 1)
		r.reader.onGap()
		return
	case !r.warmup.over(now, func() int { return r.reader.brightness(b.Data) }):
		r.drop(drop.Warmup, 1)
		return
	}
	f, ok := r.reader.read(b.Data)
	if !ok {
		return
	}
	if len(f.Data) > frame.MaxPayload {
		r.drop(drop.Oversize, 1)
		r.reader.onGap()
		return
	}
	f.PTS, f.Captured, f.Lost = r.times.pts(at), r.src.host.wall(min(at, now)), r.lost
	r.lost, r.started = 0, true
	r.sink(f)
}

// maxAhead is how far a buffer's time may lie in the future. Cameras that stamp their frames themselves are not
// exact, and some drivers stamp a frame with the end of its interval.
const maxAhead = time.Second

// captured returns when a buffer was captured, by CLOCK_MONOTONIC, and what time it is now.
func (r *capture) captured(b device.Buffer) (at, now time.Duration) {
	now = r.src.host.now()
	if b.Time == 0 || b.Time > now+maxAhead {
		r.src.setClock(status.ClockArrival)
		return now, now
	}
	r.src.setClock(status.ClockV4L2)
	return b.Time, now
}

const (
	maxOvertaking = 32      // buffers; no driver has more under way, so none can be overtaken by more
	maxMissing    = 1 << 16 // beyond it the driver's numbers mean nothing
)

// gapDetector finds missing frames by the driver's frame numbers, and frames that come after a newer one: uvcvideo
// copies on several cores and may deliver two frames in the wrong order.
type gapDetector struct {
	started bool
	last    uint32        // the highest number so far
	at      time.Duration // of that frame

	// missing is how many frames neither came nor were counted as lost. It is negative if some came that were skipped
	// ahead of their turn.
	missing int64
}

// next returns how many frames turn out lost by this buffer, and whether it must be passed over.
func (n *gapDetector) next(b device.Buffer, at time.Duration) (lost uint64, late bool) {
	step := int64(int32(b.Sequence - n.last)) //nolint:gosec // numbers wrap
	switch {
	case !n.started, step > maxMissing, step < 0 && (step < -maxOvertaking || at > n.at):
		// The driver has started again.
		*n = gapDetector{started: true, last: b.Sequence, at: at}
		return 0, false
	case step < 0:
		n.missing -= int64(b.Skipped)
		return 0, true
	case step == 0: // a driver that does not number
		n.at = at
		return 0, false
	}
	n.last, n.at = b.Sequence, at
	n.missing += step - 1 - int64(b.Skipped)
	if n.missing > 0 {
		lost, n.missing = uint64(n.missing), 0
	}
	return lost, false
}

const (
	minStep = time.Microsecond // between two frames: the resolution on the wire
	maxBack = time.Second      // a clock that goes back further has been set
)

// timeline turns capture times into times since the first frame that never go back, whatever the camera's clock does.
type timeline struct {
	started    bool
	base, last time.Duration
}

func (t *timeline) pts(at time.Duration) time.Duration {
	if !t.started {
		t.started, t.base = true, at
		return 0
	}
	pts := at - t.base
	if next := t.last + minStep; pts < next {
		if next-pts > maxBack {
			t.base = at - next
		}
		pts = next
	}
	t.last = pts
	return pts
}
