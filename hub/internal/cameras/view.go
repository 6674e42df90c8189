package cameras

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/shared/frame"
)

// Subscription is one watcher of a stream. Close it.
type Subscription struct {
	*stream.Cursor

	Camera  *Camera
	Stream  *stream.Stream // the cursor's
	release func()
	reason  func() string
}

// View starts the stream in format f, if it is not running, and returns a viewer of it. The error wraps ErrNotNative if the camera delivers another format.
// An offline camera can be viewed: its frames will come when it returns.
func (c *Camera) View(f frame.Format) (*Subscription, error) {
	feed, err := c.hold(f)
	if err != nil {
		return nil, err
	}
	return &Subscription{feed.stream.NewCursor(), c, feed.stream, func() { c.release(feed, time.Now()) }, c.because}, nil
}

// Rendition returns a viewer of a stream that is made of the camera's. release is called by Close; reason says, in brackets, why no frame comes, or "".
func (c *Camera) Rendition(s *stream.Stream, release func(), reason func() string) *Subscription {
	c.mu.Lock()
	c.beside++
	c.mu.Unlock()
	return &Subscription{s.NewCursor(), c, s, func() {
		release()
		c.mu.Lock()
		c.beside--
		c.mu.Unlock()
	}, reason}
}

// Reason returns, in brackets, why no frame comes, or "" if that is not known.
func (v *Subscription) Reason() string { return v.reason() }

// Close ends the viewing. The stream goes on for the linger time.
func (v *Subscription) Close() {
	v.Cursor.Close()
	v.release()
}

// Source is the camera's own stream, held for one that makes renditions of it. Close it.
type Source struct {
	*stream.Cursor

	Stream *stream.Stream
	camera *Camera
	feed   *feed
}

// Source starts the camera's own stream, whatever its format, if it is not running. It does not count as a viewer.
func (c *Camera) Source() (*Source, error) {
	c.mu.Lock()
	f := c.feed.stream.Format()
	c.mu.Unlock()
	feed, err := c.hold(f)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	feed.sources++
	c.mu.Unlock()
	return &Source{feed.stream.NewCursor(), feed.stream, c, feed}, nil
}

// Close lets go of the camera's stream. Its linger time counts from when it was last of use.
func (s *Source) Close(used time.Time) {
	s.Cursor.Close()
	s.camera.mu.Lock()
	s.feed.sources--
	s.camera.mu.Unlock()
	s.camera.release(s.feed, used)
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
		stop, err := c.cfg.Agents.SubscribeFrames(c.id, feed.stream)
		if err != nil {
			return nil, fmt.Errorf("subscribe to camera %s: %w", c.id, err)
		}
		feed.stop = stop
		c.wakeLocked(time.Now())
	}
	feed.viewers++
	return feed, nil
}

// release counts one viewer less of a stream, which was last of use at a time.
func (c *Camera) release(f *feed, used time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.viewers--
	if used.After(f.usedAt) {
		f.usedAt = used
	}
}

// Picture returns the newest picture that decodes alone and was at most maxAge old when it was asked for, waiting for one up to wait. The error wraps ErrNotNative, or ErrOffline if none came.
func (c *Camera) Picture(ctx context.Context, f frame.Format, maxAge, wait time.Duration) (*stream.Packet, error) {
	v, err := c.View(f)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	now := time.Now()
	deadline, oldest := now.Add(wait), now.Add(-maxAge)
	if p := v.Stream.Newest(); p != nil && !p.Arrived.Before(oldest) {
		return p, nil
	}
	if why := c.Offline(); why != nil {
		return nil, fmt.Errorf("%w: %w", ErrOffline, why)
	}
	for {
		d, err := v.Next(ctx, time.Until(deadline))
		switch {
		case errors.Is(err, stream.ErrTimeout):
			return nil, fmt.Errorf("%w: no picture within %v%s", ErrOffline, wait, c.because())
		case err != nil:
			return nil, err
		case d.Decodable() && !d.Arrived.Before(oldest):
			return d.Packet, nil
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
