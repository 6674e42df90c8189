package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/service"
	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/hostclock"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// statusLoop publishes the status when it changes and every status.Interval.
func (c *camera) statusLoop(ctx context.Context) {
	tick := time.NewTicker(status.Interval)
	defer tick.Stop()
	c.publishStatus()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.changed:
		}
		data, err := json.Marshal(c.Status())
		if err == nil {
			err = c.nc.Publish(c.topic, data)
		}
		if err != nil {
			c.log.Debug("status not published", logkey.Err, err) // it is published again on reconnecting
		}
	}
}

func (c *camera) publishStatus() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *camera) setState(s status.State, reason string) {
	c.mu.Lock()
	if c.status.State != s || c.status.Reason != reason {
		c.status.State, c.status.Reason, c.status.Since = s, reason, time.Now().UTC()
	}
	if s != status.Live {
		c.status.FPS, c.status.Bitrate = 0, 0
	}
	c.mu.Unlock()
	c.publishStatus()
}

func (c *camera) reconnected() {
	c.pub.Reconnected()
	c.publishStatus()
}

// Status returns what the camera is doing now.
func (c *camera) Status() status.Status {
	c.mu.Lock()
	s := c.status
	c.mu.Unlock()
	s.Clock = status.Clock{Source: status.ClockArrival, Error: hostclock.Error()}
	if src, ok := c.source.(source.Clocked); ok {
		s.Clock.Source = src.ClockSource()
	}
	s.Drops, s.Temperature = c.drops.Map(), temperature()
	s.Sent, s.Warning = c.pub.Sent(), c.pub.Fault()
	if w, ok := c.source.(source.Warner); ok && s.Warning == "" {
		s.Warning = w.Warning()
	}
	return s
}

// Bitrate returns the bits per second captured over the last few seconds, or 0 if the camera is not live.
func (c *camera) Bitrate() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status.Bitrate
}

// Info returns the status together with what is too long to be published every few seconds.
func (c *camera) Info() status.Status {
	s := c.Status()
	if src, ok := c.source.(source.Configurer); ok {
		s.Controls = src.Controls()
	}
	return s
}

// Configure changes the camera's settings.
func (c *camera) Configure(s status.Settings) error {
	src, ok := c.source.(source.Configurer)
	if !ok {
		return fmt.Errorf("settings on request: %w", service.ErrUnsupported)
	}
	err := src.Configure(s)
	if errors.Is(err, source.ErrSetting) {
		return fmt.Errorf("%w: %w", service.ErrBadRequest, err)
	}
	return err
}

// Wake starts the camera if it is idle.
func (c *camera) Wake() { c.pub.Wake() }

// Snapshot returns the next picture that decodes alone, opening the camera for it if need be.
func (c *camera) Snapshot(ctx context.Context) (frame.Frame, error) {
	_ = c.RequestKeyFrame() // an encoder that cannot: the next key frame comes by itself
	return c.pub.Snapshot(ctx)
}

// RequestKeyFrame requests a key frame from the encoder, now or soon: another request may have come just before.
func (c *camera) RequestKeyFrame() error { return c.keys.ask() }

func (c *camera) requestKeyFrame() error {
	k, ok := c.source.(source.KeyFramer)
	if !ok {
		return fmt.Errorf("key frame on request: %w", service.ErrUnsupported)
	}
	err := k.RequestKeyFrame()
	if errors.Is(err, source.ErrNoControl) {
		return fmt.Errorf("%w: %w", service.ErrUnsupported, err)
	}
	return err
}

const (
	// stopTimeout is how long a source may take to end. Subprocesses get two seconds after SIGINT.
	stopTimeout = 15 * time.Second

	// publisherStall is how long one frame or one dial of nats.go may hold up the publisher. Each has a timeout of a
	// second.
	publisherStall = 30 * time.Second
)

// stalled returns what hangs, or "". A camera that fails does not hang: it is opened again. If a driver does not
// return, only a new process helps.
func (c *camera) stalled(now time.Time) string {
	switch by := c.stopDeadline.Load(); {
	case by != 0 && now.UnixNano() > by:
		return fmt.Sprintf("the source of camera %s does not end", c.name)
	case now.Sub(c.pub.LastLoop()) > publisherStall:
		return fmt.Sprintf("the publisher of camera %s does not go on", c.name)
	}
	return ""
}
