//go:build linux

package badclients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
)

const (
	maxRead       = 1 << 20               // bytes that a client reads at most: more than a hub buffers for it
	maxConnecting = 8                     // connections that are made at the same time by those who then stay
	readInterval  = time.Second           // between two bytes that are read, or sent of a header
	retryPause    = 10 * time.Millisecond // before one who was turned away comes again
	// how long one who leaves reads what lies there, to see whether the hub has closed.
	drainTimeout = 500 * time.Millisecond
)

// client is a group at work.
type client struct {
	Group
	clip *syntheticframes.Clip // of an agent
	host string

	mu      sync.Mutex
	outcome Outcome // guarded by mu
}

func newClient(p Group) (*client, error) {
	g := &client{Group: p, outcome: Outcome{Kind: p.Kind, Answers: map[string]int{}}}
	if p.Size > 0 {
		var err error
		if g.clip, err = pictures(p.Size); err != nil {
			return nil, err
		}
		g.clip.PerSecond = p.PerSecond
	}
	u, err := url.Parse(p.URL)
	g.host = u.Host
	return g, err
}

func (g *client) misbehave(ctx context.Context) error {
	switch g.Kind {
	case Stalled, Slow:
		g.each(ctx, make(chan struct{}, maxConnecting), g.read)
	case Half:
		g.each(ctx, make(chan struct{}, maxConnecting), g.sendHalfRequest)
	case Storm:
		g.storm(ctx)
	case DeepSubjects:
		g.deepSubjects(ctx)
	case Subscriptions:
		g.subscribe(ctx)
	case Connections:
		g.connections(ctx)
	case Questions:
		g.ask(ctx)
	case Requests:
		g.requests(ctx)
	case Guesses:
		g.guesses(ctx)
	case Flood:
		return g.flood(ctx)
	case TooBig:
		return g.tooBig(ctx)
	case StatusFlood:
		return g.statusFlood(ctx)
	case Hostile:
		return g.hostile(ctx)
	case Forger:
		return g.forge(ctx)
	default:
		return fmt.Errorf("there are no bad clients of kind %q", g.Kind)
	}
	return nil
}

// count changes the outcome.
func (g *client) count(f func(*Outcome)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(&g.outcome)
}

// each lets N clients do the same at the same time until ctx ends.
func (g *client) each(ctx context.Context, door chan struct{}, do func(context.Context, net.Conn)) {
	var running sync.WaitGroup
	for range g.N {
		running.Go(func() {
			for ctx.Err() == nil {
				door <- struct{}{}
				conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", g.host)
				<-door
				if err != nil {
					pause(ctx, retryPause)
					continue
				}
				g.count(func(o *Outcome) { o.Came++ })
				do(ctx, conn)
				_ = conn.Close() // nothing is to be said to the server any more
			}
		})
	}
	running.Wait()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// read is a viewer who does not read what it has asked for, or a byte a second.
func (g *client) read(ctx context.Context, conn net.Conn) {
	u, err := url.Parse(g.URL)
	if err == nil {
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", u.RequestURI(), u.Host)
	}
	var head [64]byte
	n := 0
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) }) // an open connection takes a deadline
		n, err = conn.Read(head[:])
		stop()
	}
	if line, _, _ := strings.Cut(string(head[:n]), "\r\n"); err == nil && !strings.Contains(line, " 200 ") {
		g.count(func(o *Outcome) { o.Answers[line]++ })
		pause(ctx, retryPause)
		return
	}
	for ctx.Err() == nil {
		if g.Kind == Stalled {
			<-ctx.Done()
			break
		}
		if pause(ctx, readInterval); ctx.Err() == nil {
			_, err = conn.Read(head[:1])
		}
		if err != nil {
			break
		}
	}
	if closed(conn) {
		g.count(func(o *Outcome) { o.Closed++ })
	}
}

// closed reads what there is, and reports whether the other end has closed the connection behind it.
func closed(conn net.Conn) bool {
	if conn.SetReadDeadline(time.Now().Add(drainTimeout)) != nil {
		return true
	}
	_, err := io.CopyN(io.Discard, conn, maxRead)
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// sendHalfRequest is a connection that never says all it wants.
func (g *client) sendHalfRequest(ctx context.Context, conn net.Conn) {
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "); err != nil {
		return
	}
	gone := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	go func() {
		defer close(gone)
		answer := make([]byte, 64)
		n, err := conn.Read(answer)
		line, _, _ := strings.Cut(string(answer[:n]), "\r\n")
		g.count(func(o *Outcome) {
			if line != "" {
				o.Answers[line]++
			}
			if n > 0 || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
				o.Closed++
			}
		})
	}()
	tick := time.NewTicker(readInterval)
	defer tick.Stop()
	for {
		select {
		case <-gone:
			return
		case <-tick.C:
			_, _ = conn.Write([]byte{'x'}) // that it is closed shows when reading
		}
	}
}

// storm are viewers who come, see a picture and leave, without a pause.
func (g *client) storm(ctx context.Context) {
	generator := loadgen.New()
	generator.SetMaxConnecting(g.N)
	var running sync.WaitGroup
	for range g.N {
		running.Go(func() {
			for ctx.Err() == nil {
				seen, err := generator.Watch(ctx, loadgen.Viewer{URL: g.URL, Kind: "mjpeg", Frames: 1})
				g.count(func(o *Outcome) {
					o.Came++
					o.Pictures += seen.Frames
					if err != nil {
						o.Answers[reason(err)]++
					}
				})
				if err != nil {
					pause(ctx, retryPause)
				}
			}
		})
	}
	running.Wait()
}

// reason is why a viewer was shut out, in a few words.
func reason(err error) string {
	var status *loadgen.StatusError
	var number syscall.Errno
	switch {
	case errors.As(err, &status):
		return status.Line()
	case errors.As(err, &number):
		return number.Error()
	case errors.Is(err, io.EOF):
		return "closed"
	}
	return "other errors"
}
