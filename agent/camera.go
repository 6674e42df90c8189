package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/bramble-cam/bramble/agent/internal/publish"
	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/ratemeter"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

const (
	// defaultFrameTimeout is how long a source may deliver nothing before it is reopened.
	defaultFrameTimeout = 10 * time.Second

	minBackoff = 250 * time.Millisecond
	maxBackoff = 15 * time.Second // of sources that do not know better (capture.Retrier)
)

// camera supervises one source. It opens the source while there is demand for frames, and opens it again when it fails.
type camera struct {
	// Static after connect.
	name   string
	source source.Source
	drops  *drop.Counters
	log    *slog.Logger
	nc     *nats.Conn
	topic  string // the subject of its status
	pub    *publish.Publisher
	keys   *keyFrames

	frameTimeout time.Duration
	maxBackoff   time.Duration

	changed chan struct{} // a token when the status should be published

	mu     sync.Mutex
	status status.Status // guarded by mu

	stopDeadline atomic.Int64 // by when the source must have ended, in Unix nanoseconds; 0 while it need not end

	// Owned by runLoop's goroutine.
	seq   uint64
	epoch int64
	meter ratemeter.Meter
}

func newCamera(name string, src source.Source, drops *drop.Counters, base status.Status, log *slog.Logger) *camera {
	base.Camera, base.Source, base.Format = name, src.Kind(), src.Format()
	backoff := maxBackoff
	if r, ok := src.(source.Retrier); ok {
		backoff = r.MaxBackoff()
	}
	c := &camera{
		name: name, source: src, drops: drops, log: log, frameTimeout: defaultFrameTimeout, maxBackoff: backoff, status: base,
		changed: make(chan struct{}, 1),
	}
	c.keys = &keyFrames{request: c.requestKeyFrame}
	return c
}

// connect gives the camera its connection. It must come before everything else.
func (c *camera) connect(nc *nats.Conn, space subject.Space, linger time.Duration) {
	c.nc, c.topic = nc, space.Status(c.name)
	c.pub = publish.New(publish.Config{
		Conn: nc, Space: space, Camera: c.name, Format: c.source.Format(), Linger: linger, Drops: c.drops, Log: c.log,
		// If the encoder cannot, the next key frame comes by itself.
		RequestKeyFrame: func() { _ = c.requestKeyFrame() },
	})
}

func (c *camera) run(ctx context.Context) error {
	defer c.keys.stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.pub.Run(ctx) })
	g.Go(func() error { c.runLoop(ctx); return nil })
	g.Go(func() error { c.statusLoop(ctx); return nil })
	return g.Wait()
}

// runLoop opens the source while there is demand. When it fails, runLoop opens it again after a pause that grows. A
// failed camera stays degraded, with the reason, until it delivers a frame or the demand ends.
func (c *camera) runLoop(ctx context.Context) {
	backoff, reason := minBackoff, ""
	for {
		if c.pub.WaitWanted(ctx, true) != nil {
			return
		}
		if reason == "" {
			c.setState(status.Starting, "")
		}
		began := time.Now()
		err := c.runSource(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			c.setState(status.Idle, "")
			backoff, reason = minBackoff, ""
			continue
		}
		if errors.Is(err, source.ErrRestart) {
			c.log.Info("camera restarts with changed settings", logkey.Source, c.source.Kind())
			continue
		}
		if time.Since(began) > 2*maxBackoff {
			backoff, reason = minBackoff, ""
		}
		level := slog.LevelWarn
		if reason == err.Error() {
			level = slog.LevelDebug // it was logged before
		}
		reason = err.Error()
		c.setState(status.Degraded, reason)
		c.log.Log(ctx, level, "camera failed, trying again", logkey.Source, c.source.Kind(), "in", backoff,
			logkey.Err, err)
		wait, cancel := context.WithTimeout(ctx, backoff)
		if c.pub.WaitWanted(wait, false) == nil {
			c.setState(status.Idle, "")
			reason = ""
		}
		cancel()
		backoff = min(2*backoff, c.maxBackoff)
	}
}

var (
	errNoFrame = errors.New("no frame for too long: is the camera connected and its cable in place? " +
		"(A command must write frames to its standard output.)")
	errEnded = errors.New("the source ended by itself")
)

// runSource runs the source once, until the demand ends (nil) or the source fails.
func (c *camera) runSource(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	watchdog := time.AfterFunc(c.frameTimeout, func() {
		if cancel(errNoFrame); errors.Is(context.Cause(ctx), errNoFrame) {
			c.setState(status.Degraded, c.noFrame().Error()) // now: a driver that hangs may not let Run return
		}
	})
	defer watchdog.Stop()
	var watch sync.WaitGroup
	watch.Go(func() {
		if c.pub.WaitWanted(ctx, false) == nil {
			cancel(context.Canceled)
		}
	})
	untold := context.AfterFunc(ctx, func() { c.stopDeadline.Store(time.Now().Add(stopTimeout).UnixNano()) })
	c.seq, c.meter = 0, ratemeter.Meter{}
	c.epoch = max(c.epoch+1, time.Now().UnixNano()) // newer than the last one even if the clock was set back
	err := c.source.Run(ctx, func(f source.Frame) {
		watchdog.Reset(c.frameTimeout)
		c.publishFrame(f)
	})
	if err == nil {
		switch {
		case context.Cause(ctx) == nil:
			err = errEnded
		case errors.Is(context.Cause(ctx), errNoFrame):
			err = c.noFrame()
		}
	}
	if !untold() {
		c.stopDeadline.Store(0)
	}
	cancel(context.Canceled)
	watch.Wait()
	return err
}

func (c *camera) noFrame() error { return fmt.Errorf("%w (%v)", errNoFrame, c.frameTimeout) }

// publishFrame publishes a captured frame, and updates the status.
func (c *camera) publishFrame(f source.Frame) {
	now := time.Now()
	c.meter.Add(now, len(f.Data))
	fps, bps := c.meter.Get()
	c.mu.Lock()
	s := &c.status
	fresh := s.State != status.Live || s.Epoch != c.epoch || s.Width != f.Width || s.Height != f.Height
	if s.State != status.Live {
		s.State, s.Reason, s.Since = status.Live, "", now.UTC()
	}
	s.Frames++
	s.Epoch, s.Width, s.Height, s.FPS, s.Bitrate = c.epoch, f.Width, f.Height, fps, int64(bps)
	c.mu.Unlock()
	if fresh {
		c.publishStatus()
	}
	c.seq += f.Lost
	c.pub.Put(&frame.Frame{
		Format: c.source.Format(), Seq: c.seq, PTS: f.PTS, CaptureTime: f.Captured, Epoch: c.epoch, Key: f.Key,
		Payload: f.Data,
	})
	c.seq++
}
