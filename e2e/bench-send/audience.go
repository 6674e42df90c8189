//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// What a viewer says when it has connected.
const (
	helloFast = 'f'
	helloSlow = 's'
)

// audience is all viewers of one sender. They read into one buffer, one after the other: a generator whose caches are full of buffers would measure
// itself.
type audience struct {
	epoll   int
	viewers []*viewer // the slow ones first
	slow    int
	scratch []byte
	rate    float64 // bytes that a slow viewer reads in a second
	tally   tally
}

// tally is what arrived.
type tally struct {
	count      bool
	late, slow []time.Duration // from the picture's head was made until its last byte was read
}

// viewer is where one viewer is in its stream.
type viewer struct {
	fd   int
	slow bool
	unit int // bytes of a part
	got  int // of this part
	head [headSize]byte
}

// newAudience connects all viewers. Close it.
func newAudience(port int, j job, slow int) (*audience, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	a := &audience{epoll: epoll, slow: slow, scratch: make([]byte, 1<<18), rate: float64(unitSize(j.Size)) * j.FPS / 2}
	for i := range j.Viewers {
		v := &viewer{slow: i < slow, unit: unitSize(j.Size)}
		a.viewers = append(a.viewers, v)
		if err := a.connect(v, port); err != nil {
			a.close()
			return nil, err
		}
	}
	return a, nil
}

func (a *audience) connect(v *viewer, port int) (err error) {
	if v.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := unix.Connect(v.fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fmt.Errorf("the sender: %w", err)
	}
	hello := []byte{helloFast}
	if v.slow {
		hello[0] = helloSlow
	}
	if _, err := unix.Write(v.fd, hello); err != nil {
		return err
	}
	if err := unix.SetNonblock(v.fd, true); err != nil || v.slow {
		return err
	}
	return unix.EpollCtl(a.epoll, unix.EPOLL_CTL_ADD, v.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(a.viewers) - 1)})
}

func (a *audience) close() {
	for _, v := range a.viewers {
		_ = unix.Close(v.fd) // only read from
	}
	_ = unix.Close(a.epoll)
}

// watch reads for a while: fast viewers when there is something, slow ones now and then.
func (a *audience) watch(ctx context.Context, d time.Duration) error {
	const step = 10 * time.Millisecond
	var events [256]unix.EpollEvent
	begin := time.Now()
	slowly := begin
	for ctx.Err() == nil {
		n, err := unix.EpollWait(a.epoll, events[:], int(step.Milliseconds()))
		if err != nil && err != unix.EINTR {
			return err
		}
		for _, e := range events[:max(n, 0)] {
			if _, err := a.read(a.viewers[e.Fd], a.scratch); err != nil {
				return err
			}
		}
		now := time.Now()
		if now.Sub(begin) > d {
			return nil
		}
		if now.Sub(slowly) < step {
			continue
		}
		if err := a.readSlow(int(a.rate * now.Sub(slowly).Seconds())); err != nil {
			return err
		}
		slowly = now
	}
	return ctx.Err()
}

// readSlow reads up to budget bytes for each slow viewer.
func (a *audience) readSlow(budget int) error {
	for _, v := range a.viewers[:a.slow] {
		for left := budget; left > 0; {
			n, err := a.read(v, a.scratch[:min(left, len(a.scratch))])
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			left -= n
		}
	}
	return nil
}

func (a *audience) read(v *viewer, into []byte) (int, error) {
	n, err := unix.Read(v.fd, into)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, v.feed(into[:n], &a.tally)
}

// feed takes in the next bytes of the stream.
func (v *viewer) feed(b []byte, t *tally) error {
	for len(b) > 0 {
		if v.got < headSize {
			copy(v.head[v.got:], b)
		}
		n := min(len(b), v.unit-v.got)
		v.got += n
		b = b[n:]
		if v.got < v.unit {
			return nil
		}
		v.got = 0
		sent, err := readHead(v.head[:])
		if err != nil {
			return err
		}
		t.add(time.Since(sent), v.slow)
	}
	return nil
}

func (t *tally) add(late time.Duration, slow bool) {
	switch {
	case !t.count:
	case slow:
		t.slow = append(t.slow, late)
	default:
		t.late = append(t.late, late)
	}
}

// quantile returns how late the q-th part of the pictures was.
func quantile(late []time.Duration, q float64) time.Duration {
	if len(late) == 0 {
		return 0
	}
	slices.Sort(late)
	return late[min(int(float64(len(late))*q), len(late)-1)]
}
