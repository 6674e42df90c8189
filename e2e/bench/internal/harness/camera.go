//go:build linux

package harness

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Camera is one that a server relays.
type Camera struct {
	Name string
	Clip *syntheticframes.Clip

	dead atomic.Bool
	keys atomic.Int64 // Unix nanoseconds of when the newest key frame was sent

	mu   sync.Mutex
	sent []time.Time // when each frame was; guarded by mu
}

// SetDead lets the camera fall silent, or return.
func (c *Camera) SetDead(dead bool) { c.dead.Store(dead) }

// LastKeyFrame returns when the camera sent its newest key frame.
func (c *Camera) LastKeyFrame() time.Time { return time.Unix(0, c.keys.Load()) }

// Sent returns how many frames the camera has sent from one instant to before another.
func (c *Camera) Sent(from, to time.Time) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range c.sent {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n
}

// play plays the clip, from its beginning whenever the camera was dead.
func (c *Camera) play(
	ctx context.Context, send func(n uint64, epoch time.Time, fr syntheticframes.Frame, now time.Time) error,
) error {
	f := c.Clip.Copy()
	for ctx.Err() == nil {
		epoch := time.Now()
		err := f.Play(ctx, func(n uint64, fr syntheticframes.Frame, now time.Time) error {
			if c.dead.Load() {
				return errDead
			}
			if fr.Key {
				c.keys.Store(now.UnixNano())
			}
			c.mu.Lock()
			c.sent = append(c.sent, now)
			c.mu.Unlock()
			return send(n, epoch, fr, now)
		})
		if errors.Is(err, errDead) {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errDead = fmt.Errorf("the camera is dead")

// Publish publishes the clip as an agent does, until ctx ends.
func (c *Camera) Publish(ctx context.Context, nc *nats.Conn) error {
	space := subject.Space{}
	st, err := json.Marshal(status.Status{
		Camera: c.Name, Instance: "bench", Started: time.Now(), Host: "bench", Agent: "0.0.0-bench", State: status.Live,
		Since: time.Now(), Source: "bench",
		Format: c.Clip.Format, Clock: status.Clock{Source: status.ClockArrival},
	})
	if err != nil {
		return err
	}
	info, err := nc.Subscribe(space.Do(c.Name, subject.Info), func(m *nats.Msg) {
		if !c.dead.Load() {
			_ = m.Respond(st) // the requester may have stopped waiting
		}
	})
	if err != nil {
		return err
	}
	defer func() { _ = info.Unsubscribe() }() // the connection closes
	msg := &nats.Msg{Subject: space.Frames(c.Name, c.Clip.Format), Header: nats.Header{}}
	var last time.Time
	return c.play(ctx, func(n uint64, epoch time.Time, fr syntheticframes.Frame, now time.Time) error {
		if now.Sub(last) > status.Interval || n == 0 {
			last = now
			if err := nc.Publish(space.Status(c.Name), st); err != nil {
				return err
			}
		}
		f := frame.Frame{
			Format: c.Clip.Format, Seq: n, PTS: now.Sub(epoch), CaptureTime: now, Epoch: epoch.UnixNano(),
			Key: fr.Key && c.Clip.Format == frame.H264, Payload: fr.Data,
		}
		frame.Encode(frame.Header(msg.Header), &f)
		msg.Data = fr.Data
		return nc.PublishMsg(msg)
	})
}

// toBaseline sends the clip to the baseline.
func (c *Camera) toBaseline(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("the baseline's feed: %w", err)
	}
	defer func() { _ = conn.Close() }() // that is how a feed ends
	if _, err := fmt.Fprintln(conn, c.Name); err != nil {
		return err
	}
	var length [4]byte
	return c.play(ctx, func(_ uint64, _ time.Time, fr syntheticframes.Frame, _ time.Time) error {
		binary.BigEndian.PutUint32(length[:], uint32(len(fr.Data))) //nolint:gosec // small by construction
		b := net.Buffers{length[:], fr.Data}
		_, err := b.WriteTo(conn)
		return err
	})
}
