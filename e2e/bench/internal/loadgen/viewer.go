//go:build linux

package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sip is how often a viewer with a rate reads.
const sip = 20 * time.Millisecond

var errEnough = errors.New("has seen enough")

// Watch is one viewer. It returns when ctx ends or the viewer has seen enough, or with the reason why it was shut out.
func (c *Generator) Watch(ctx context.Context, v Viewer) (ViewerResult, error) {
	s := ViewerResult{Asked: time.Now()}
	c.connecting <- struct{}{}
	conn, err := ask(ctx, v.URL, v.Kind)
	<-c.connecting
	if err != nil {
		return s, ended(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() { stop(); _ = conn.Close() }() // nothing is to be said to the server any more
	raw, err := conn.SyscallConn()
	if err != nil {
		return s, err
	}
	enough := false
	p := &parser{kind: v.Kind, body: v.Save}
	p.pong = func(data []byte) { _, _ = conn.Write(clientFrame(opPong, data)) } // an error shows when reading
	taken := 0
	p.frame = func(head []byte) {
		if v.Kind == "ws" {
			taken++
			_, _ = conn.Write(acknowledgement(taken)) // the same
		}
		c.record(&s, p, head)
		enough = v.Frames > 0 && (s.Frames >= v.Frames || s.Frames == 0 && v.Frames == 1)
	}
	switch {
	case v.Stalled:
		err = c.stall(ctx, raw, p)
	case v.Rate > 0:
		err = c.readSlowly(ctx, raw, p, v.Rate)
	default:
		err = c.readAvailable(raw, p, func() bool { return enough })
	}
	if enough {
		err = nil
	}
	return s, ended(ctx, err)
}

// ended returns nil if it was ctx that ended a viewer.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// ask connects and sends a request. HTTP/1.0: without chunks, whatever the server.
func ask(ctx context.Context, target, kind string) (*net.TCPConn, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	request := fmt.Sprintf("GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", u.RequestURI(), u.Host)
	if kind == "ws" {
		request = webSocketRequest(u)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		_ = conn.Close() // unused
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// readAvailable reads all there is whenever there is something, until enough returns true.
func (c *Generator) readAvailable(raw syscall.RawConn, p *parser, enough func() bool) error {
	var fault error
	err := raw.Read(func(fd uintptr) bool {
		for {
			n, err := c.readOnce(int(fd), p, len(c.scratch))
			if err == nil && enough() {
				err = errEnough
			}
			if err != nil {
				fault = err
				return true
			}
			if n == 0 {
				return false // wait until there is more
			}
		}
	})
	return errors.Join(err, fault)
}

// readSlowly reads at most rate bytes a second.
func (c *Generator) readSlowly(ctx context.Context, raw syscall.RawConn, p *parser, rate float64) error {
	tick := time.NewTicker(sip)
	defer tick.Stop()
	thirst, last := 0.0, time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now := time.Now()
		thirst = min(thirst+rate*now.Sub(last).Seconds(), rate/5) // what it did not find it does not catch up on for long
		last = now
		var fault error
		err := raw.Read(func(fd uintptr) bool {
			for thirst >= 1 && fault == nil {
				n, err := c.readOnce(int(fd), p, min(int(thirst), len(c.scratch)))
				if n == 0 && err == nil {
					break
				}
				thirst -= float64(n)
				fault = err
			}
			return true
		})
		if err = errors.Join(err, fault); err != nil {
			return err
		}
	}
}

// headSip is as much as a stalled viewer reads at a time: byte by byte, 200 of them would keep the generator's core
// from the good ones for a tenth of a second.
const headSip = 512

// stall reads the header of the response and then nothing, until ctx ends: that the server has closed the connection
// shows only at the server.
func (c *Generator) stall(ctx context.Context, raw syscall.RawConn, p *parser) error {
	var fault error
	err := raw.Read(func(fd uintptr) bool {
		for !p.inBody && fault == nil {
			n, err := c.readOnce(int(fd), p, headSip)
			if n == 0 && err == nil {
				return false
			}
			fault = err
		}
		return true
	})
	if err = errors.Join(err, fault); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// readOnce reads at most size bytes, and returns 0 if there are none now.
func (c *Generator) readOnce(fd int, p *parser, size int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := unix.Read(fd, c.scratch[:size])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0:
		return 0, fmt.Errorf("the server has closed the connection: %w", io.EOF)
	}
	return n, p.feed(c.scratch[:n])
}

// Group is viewers that watch until they are stopped.
type Group struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	failed  chan error // the first that was shut out

	mu   sync.Mutex
	seen []ViewerResult // of those that have ended
}

// Join lets n viewers watch. Stop the group.
func (c *Generator) Join(ctx context.Context, n int, v Viewer) *Group {
	ctx, cancel := context.WithCancel(ctx)
	g := &Group{cancel: cancel, failed: make(chan error, 1)}
	for range n {
		g.running.Go(func() {
			s, err := c.Watch(ctx, v)
			g.mu.Lock()
			g.seen = append(g.seen, s)
			g.mu.Unlock()
			if err != nil {
				select {
				case g.failed <- err:
				default: // one is enough
				}
			}
		})
	}
	return g
}

// Stop lets the viewers leave, and returns what each has seen.
func (g *Group) Stop() []ViewerResult {
	g.cancel()
	g.running.Wait()
	return g.seen
}

// Pause waits for d. It fails if ctx ends, or if one of the viewers of these groups was or is shut out.
func Pause(ctx context.Context, d time.Duration, groups ...*Group) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	done := make(chan struct{})
	defer close(done)
	for _, g := range groups {
		waiting.Go(func() {
			select {
			case err := <-g.failed:
				g.failed <- err // for the next one who asks
				cancel(fmt.Errorf("a viewer was shut out: %w", err))
			case <-done:
			}
		})
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
