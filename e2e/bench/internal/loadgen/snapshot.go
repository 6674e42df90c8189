//go:build linux

package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"
)

// breath is the pause between two volleys of requests: no divisor of the time between two frames.
const breath = 23 * time.Millisecond

// Snapshots asks for pictures over n connections that stay open, all at once, again and again for the span, and returns
// how long each answer took, sorted.
func Snapshots(ctx context.Context, target string, n int, span time.Duration) ([]time.Duration, error) {
	c := New()
	var all []time.Duration
	asked := make([]*poller, n)
	for i := range asked {
		a, err := newPoller(ctx, c, target)
		if err != nil {
			return nil, err
		}
		defer a.conn.Close() //nolint:errcheck // nothing is said any more
		asked[i] = a
	}
	for end := time.Now().Add(span); time.Now().Before(end); {
		var volley sync.WaitGroup
		var mu sync.Mutex
		var fault error
		for _, a := range asked {
			volley.Go(func() {
				took, err := a.poll()
				mu.Lock()
				defer mu.Unlock()
				all, fault = append(all, took), errors.Join(fault, err)
			})
		}
		volley.Wait()
		if fault != nil {
			return nil, fault
		}
		if err := Pause(ctx, breath); err != nil {
			return nil, err
		}
	}
	slices.Sort(all)
	return all, nil
}

type poller struct {
	generator *Generator
	conn      *net.TCPConn
	request   []byte
	parser    *parser
	got       bool
}

func newPoller(ctx context.Context, c *Generator, target string) (*poller, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	a := &poller{generator: c, conn: conn.(*net.TCPConn), request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
		u.RequestURI(), u.Host)}
	a.parser = &parser{kind: "jpeg", frame: func([]byte) { a.got = true }}
	return a, nil
}

// poll sends a request and returns how long the picture took.
func (a *poller) poll() (time.Duration, error) {
	raw, err := a.conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	if err := a.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	a.got = false
	began := time.Now()
	if _, err := a.conn.Write(a.request); err != nil {
		return 0, err
	}
	err = a.generator.readAvailable(raw, a.parser, func() bool { return a.got })
	if a.got {
		err = nil
	}
	return time.Since(began), err
}
