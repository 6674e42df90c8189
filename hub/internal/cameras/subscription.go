package cameras

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/fanout"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

// Subscriber says what a subscription is to its camera.
type Subscriber int

// The kinds of subscribers.
const (
	Viewer Subscriber = iota // counts as a viewer
	Holder                   // a recorder or an encoder: it keeps the stream subscribed, and is not counted
)

// Subscription is one reader of a camera's stream, or of a stream that is made of it. The caller must close it.
type Subscription struct {
	*fanout.Reader

	camera          *Camera
	stream          *stream.Stream
	release         func(lastUsed time.Time)
	requestKeyFrame func()
	reason          func() string
}

// Subscribe returns a reader of the camera's own stream, and starts that stream if it is not running. An empty codec
// means the one that the camera delivers. If the camera delivers another codec, the error wraps ErrNotNative. A
// subscription to an offline camera is possible: packets come when the camera returns.
func (c *Camera) Subscribe(codec media.Codec, as Subscriber) (*Subscription, error) {
	n, err := c.hold(codec, as)
	if err != nil {
		return nil, err
	}
	return &Subscription{
		Reader: n.fanout.NewReader(), camera: c, stream: n.stream, requestKeyFrame: c.requestKeyFrame, reason: c.Reason,
		release: func(lastUsed time.Time) { c.release(n, as, lastUsed) },
	}, nil
}

// Derived is a stream that something else makes of a camera's packets.
type Derived struct {
	Group           *fanout.Group
	RequestKeyFrame func()
	Reason          func() string // why no packet comes, or ""
	Release         func()        // called once, when the subscription is closed
}

// SubscribeDerived returns a reader of a stream that is made of the camera's.
func (c *Camera) SubscribeDerived(d Derived, as Subscriber) *Subscription {
	c.countDerived(as, 1)
	return &Subscription{
		Reader: d.Group.NewReader(), camera: c, stream: d.Group.Stream(), reason: d.Reason,
		requestKeyFrame: d.RequestKeyFrame,
		release: func(time.Time) {
			d.Release()
			c.countDerived(as, -1)
		},
	}
}

func (c *Camera) countDerived(as Subscriber, n int) {
	if as == Viewer {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.derivedViewers += n
	}
}

// Camera returns the camera.
func (s *Subscription) Camera() *Camera { return s.camera }

// Tracks returns the tracks of the stream.
func (s *Subscription) Tracks() []media.Track { return s.stream.Tracks() }

// Stream returns the stream that is read, with its counters.
func (s *Subscription) Stream() *stream.Stream { return s.stream }

// RequestKeyFrame asks for a key packet. It does not wait. The request may have no effect.
func (s *Subscription) RequestKeyFrame() { s.requestKeyFrame() }

// Reason returns why no packet comes, or "" if that is not known.
func (s *Subscription) Reason() string { return s.reason() }

// Close ends the subscription. The stream goes on for the linger time.
func (s *Subscription) Close() { s.CloseUnused(time.Now()) }

// CloseUnused closes a subscription that was not used after a time. The linger time counts from then.
func (s *Subscription) CloseUnused(since time.Time) {
	s.Reader.Close()
	s.release(since)
}

// hold counts one more subscriber of the camera's stream. The first one makes the hub subscribe to the frames.
func (c *Camera) hold(codec media.Codec, as Subscriber) (*native, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.native
	if delivers := n.stream.Codec(); codec != "" && codec != delivers {
		return nil, fmt.Errorf("%w: %s delivers %s", ErrNotNative, c.id, delivers)
	}
	if n.stop == nil {
		n.stream.Reset()
		stop, err := c.cfg.Agents.SubscribeFrames(c.id, n.stream)
		if err != nil {
			return nil, fmt.Errorf("subscribe to camera %s: %w", c.id, err)
		}
		n.stop = stop
		c.wakeLocked(time.Now())
	}
	n.subscribers++
	if as == Viewer {
		n.viewers++
	}
	return n, nil
}

// release counts one subscriber less of a stream. That subscriber last used the stream at lastUsed.
func (c *Camera) release(n *native, as Subscriber, lastUsed time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.subscribers--
	if as == Viewer {
		n.viewers--
	}
	if lastUsed.After(n.lastUsed) {
		n.lastUsed = lastUsed
	}
}

// NoFrameError says that a camera gave no frame in time. It wraps ErrOffline.
type NoFrameError struct {
	What   string // "frame" or "picture"
	Wait   time.Duration
	Reason string // as the camera's state has it, or ""
}

// Error returns the text.
func (e *NoFrameError) Error() string {
	text := fmt.Sprintf("%v: no %s within %v", ErrOffline, e.What, e.Wait)
	if e.Reason != "" {
		text += " (" + e.Reason + ")"
	}
	return text
}

// Unwrap returns ErrOffline.
func (e *NoFrameError) Unwrap() error { return ErrOffline }

// Picture returns the newest packet that decodes alone. It may be at most maxAge old at the time of the call. If there
// is none, Picture waits for one. The error wraps ErrNotNative, or ErrOffline if none came within wait.
func (c *Camera) Picture(ctx context.Context, codec media.Codec, maxAge, wait time.Duration) (*stream.Packet, error) {
	s, err := c.Subscribe(codec, Viewer)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	now := time.Now()
	deadline, oldest := now.Add(wait), now.Add(-maxAge)
	if p := s.stream.Newest(); p != nil && !p.Arrived.Before(oldest) {
		return p, nil
	}
	if why := c.Offline(); why != nil {
		return nil, fmt.Errorf("%w: %w", ErrOffline, why)
	}
	for {
		d, err := s.Next(ctx, time.Until(deadline))
		switch {
		case errors.Is(err, stream.ErrTimeout):
			return nil, &NoFrameError{What: "picture", Wait: wait, Reason: c.Reason()}
		case err != nil:
			return nil, err
		case d.Key && !d.Arrived.Before(oldest):
			return d.Packet, nil
		}
	}
}

// Reason returns why the camera has no pictures, or "".
func (c *Camera) Reason() string { return c.Info().Reason }

// Offline returns why the camera cannot be reached, or nil.
func (c *Camera) Offline() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offline
}
