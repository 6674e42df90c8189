package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
)

// Viewer is one watcher of a stream. Close it.
type Viewer struct {
	*stream.Cursor

	Camera *Camera
	feed   *feed
}

// View starts the stream in format f, if it is not running, and returns a viewer of it. The error wraps ErrNotNative if the camera delivers another format.
// An offline camera can be viewed: its frames will come when it returns.
func (c *Camera) View(f frame.Format) (*Viewer, error) {
	feed, err := c.hold(f)
	if err != nil {
		return nil, err
	}
	return &Viewer{feed.stream.NewCursor(), c, feed}, nil
}

// Close ends the viewing. The stream goes on for the linger time.
func (v *Viewer) Close() {
	v.Cursor.Close()
	v.Camera.release(v.feed)
}

// hold subscribes to the stream of format f, if need be, and counts one more viewer of it.
func (c *Camera) hold(f frame.Format) (*feed, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	feed := c.feed
	if feed.stream.Format() != f {
		return nil, fmt.Errorf("%w: %s delivers %s", ErrNotNative, c.id, feed.stream.Format())
	}
	if feed.stop == nil {
		feed.stream.Reset()
		stop, err := c.cfg.Agents.Feed(c.id, feed.stream)
		if err != nil {
			return nil, fmt.Errorf("subscribe to camera %s: %w", c.id, err)
		}
		feed.stop = stop
		c.wakeLocked(time.Now())
	}
	feed.viewers++
	return feed, nil
}

func (c *Camera) release(f *feed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.viewers--
	f.usedAt = time.Now()
}

// Picture returns the newest picture that decodes alone and was at most maxAge old when it was asked for, waiting for one up to wait. The error wraps ErrNotNative, or ErrOffline if none came.
func (c *Camera) Picture(ctx context.Context, f frame.Format, maxAge, wait time.Duration) (*stream.Frame, error) {
	v, err := c.View(f)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	now := time.Now()
	deadline, oldest := now.Add(wait), now.Add(-maxAge)
	if p := v.feed.stream.Newest(); p != nil && !p.Arrived.Before(oldest) {
		return p, nil
	}
	if why := c.Offline(); why != nil {
		return nil, fmt.Errorf("%w: %w", ErrOffline, why)
	}
	for {
		d, err := v.Next(ctx, time.Until(deadline))
		switch {
		case errors.Is(err, stream.ErrQuiet):
			return nil, fmt.Errorf("%w: no picture within %v%s", ErrOffline, wait, c.because())
		case err != nil:
			return nil, err
		case d.Decodable() && !d.Arrived.Before(oldest):
			return d.Frame, nil
		}
	}
}

// because returns the agent's reason for a camera without pictures, in brackets, or "".
func (c *Camera) because() string {
	if i := c.Info(); i.Reason != "" {
		return " (" + i.Reason + ")"
	}
	return ""
}

// Offline returns why the camera cannot be reached, or nil.
func (c *Camera) Offline() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offline
}
