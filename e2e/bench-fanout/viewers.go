//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// audience is a number of viewers of one URL. All of them read into one buffer, one after the other: a generator whose caches are
// full of buffers would measure itself.
type audience struct {
	mu      sync.Mutex
	scratch []byte
	from    time.Time // latencies of frames captured earlier are not counted
	frames  int
	late    []time.Duration
}

func newAudience() *audience {
	return &audience{scratch: make([]byte, 1<<18), from: time.Now().Add(time.Hour)}
}

// watch is one viewer. It returns when ctx ends, or with the reason why it was shut out.
func (a *audience) watch(ctx context.Context, target, kind string) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	// HTTP/1.0: without chunks, whatever the server.
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", u.RequestURI(), u.Host); err != nil {
		return err
	}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	p := &parser{kind: kind, frame: a.count}
	var fault error
	err = raw.Read(func(fd uintptr) bool {
		for {
			more, err := a.take(int(fd), p)
			if err != nil {
				fault = err
				return true
			}
			if !more {
				return false // wait until there is more
			}
		}
	})
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(err, fault)
}

// take reads what is there and reports whether there may be more.
func (a *audience) take(fd int, p *parser) (more bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, err := unix.Read(fd, a.scratch)
	switch {
	case err == unix.EAGAIN:
		return false, nil
	case err == unix.EINTR:
		return true, nil
	case err != nil:
		return false, err
	case n == 0:
		return false, io.EOF
	}
	return true, p.feed(a.scratch[:n])
}

// count is called with mu held.
func (a *audience) count(head []byte) {
	now := time.Now()
	sent, ok := readStamp(head)
	if !ok || sent.Before(a.from) {
		return
	}
	a.frames++
	a.late = append(a.late, now.Sub(sent))
}

// begin starts the count.
func (a *audience) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.from, a.frames, a.late = time.Now(), 0, make([]time.Duration, 0, 1<<20)
}

// counts are what an audience has seen.
type counts struct {
	Frames   int           `json:"frames"`
	P50, P99 time.Duration `json:"-"`
}

// end returns what was seen since begin.
func (a *audience) end() counts {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := counts{Frames: a.frames}
	a.from = time.Now().Add(time.Hour)
	slices.Sort(a.late)
	if n := len(a.late); n > 0 {
		c.P50, c.P99 = a.late[n/2], a.late[n*99/100]
	}
	return c
}
