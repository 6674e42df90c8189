//go:build linux && cgo

package device

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// waitMillis is how long poll waits at most. A driver may remove its device without waking poll: the next poll fails.
const waitMillis = 1000

// errHungUp stands for POLLERR and POLLHUP.
var errHungUp = errors.New("the stream ended")

// Run streams: it calls f for every buffer, from this goroutine, until ctx ends (nil) or the device fails. When it
// returns, the device has stopped and the buffers are freed; Run may be called again. ErrChanged asks for a new Open.
func (d *platform) Run(ctx context.Context, f func(Buffer)) (err error) {
	if ctx.Err() != nil {
		return nil
	}
	wake, err := newWaker(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	defer func() { err = errors.Join(err, wake.close()) }()
	r, err := newRing(d.fd, d.buffers())
	if err != nil {
		return d.fault("stream", err)
	}
	defer func() {
		if e := r.release(); e != nil {
			err = errors.Join(err, d.fault("stop", e))
		}
	}()
	if err := r.start(); err != nil {
		return d.fault("stream", err)
	}
	s := &stream{d: d, ring: r, f: f}
	s.poll[0] = unix.PollFd{Fd: int32(d.fd), Events: unix.POLLIN | s.subscribe()} //nolint:gosec // a descriptor
	s.poll[1] = unix.PollFd{Fd: int32(wake.fd), Events: unix.POLLIN}              //nolint:gosec // a descriptor
	return s.loop(ctx)
}

func (d *platform) buffers() int {
	switch {
	case d.cfg.Buffers > 0:
		return d.cfg.Buffers
	case d.cfg.Newest:
		return 3
	}
	return 4
}

// stream is one Run.
type stream struct {
	d    *platform
	ring *ring
	f    func(Buffer)
	poll [2]unix.PollFd
}

func (s *stream) loop(ctx context.Context) error {
	for {
		ready, err := s.wait()
		if ctx.Err() != nil {
			return nil
		}
		switch {
		case err != nil:
			return s.d.fault("wait for frames", err)
		case ready&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0:
			return s.hungUp()
		case ready&unix.POLLPRI != 0 && s.sourceChanged():
			return fmt.Errorf("%w: %s: it is opened again", ErrChanged, s.d.path)
		case ready&unix.POLLIN == 0:
			continue
		}
		take := s.inOrder
		if s.d.cfg.Newest {
			take = s.newest
		}
		if err := take(ctx); err != nil {
			return s.d.fault("read a frame", err)
		}
	}
}

// wait returns what poll says of the device; 0 after waitMillis.
func (s *stream) wait() (int16, error) {
	for {
		s.poll[0].Revents, s.poll[1].Revents = 0, 0
		_, err := unix.Poll(s.poll[:], waitMillis)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("poll: %w", err)
		}
		return s.poll[0].Revents, nil
	}
}

// hungUp tells why the driver ended the stream.
func (s *stream) hungUp() error {
	if !alive(s.d.fd) {
		return s.d.fault("stream", unix.ENODEV)
	}
	if _, _, err := s.ring.dequeue(); err != nil {
		return s.d.fault("stream", err)
	}
	return s.d.fault("stream", errHungUp)
}

// inOrder hands over every buffer that is there, oldest first.
func (s *stream) inOrder(ctx context.Context) error {
	for ctx.Err() == nil {
		b, ok, err := s.ring.dequeue()
		if err != nil || !ok {
			return err
		}
		if err := s.deliver(b, 0); err != nil {
			return err
		}
	}
	return nil
}

// newest hands over the newest buffer that is there and gives the others back unread.
func (s *stream) newest(context.Context) error {
	best, ok, err := s.ring.dequeue()
	if err != nil || !ok {
		return err
	}
	skipped := 0
	for {
		b, ok, err := s.ring.dequeue()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		// uvcvideo may hand over two in the wrong order.
		if int32(b.sequence-best.sequence) >= 0 { //nolint:gosec // numbers wrap
			b, best = best, b
		}
		if err := s.ring.queue(b.index); err != nil {
			return err
		}
		skipped++
	}
	return s.deliver(best, skipped)
}

// deliver copies the buffer, gives it back, then calls f.
func (s *stream) deliver(b filled, skipped int) error {
	s.d.frame = append(s.d.frame[:0], s.ring.bufs[b.index][:b.used]...)
	if err := s.ring.queue(b.index); err != nil {
		return err
	}
	s.f(Buffer{Data: s.d.frame, Sequence: b.sequence, Time: b.time, Skipped: skipped, Broken: b.broken})
	return nil
}

// subscribe asks for events about the video signal, and returns what to poll for; 0 for cameras, which have none.
func (s *stream) subscribe() int16 {
	if ioctl(s.d.fd, vidiocSubscribeEvent, &cSubscription{_type: eventSourceChange}) != nil {
		return 0
	}
	return unix.POLLPRI
}

// sourceChanged takes the pending events.
func (s *stream) sourceChanged() (changed bool) {
	for {
		event := new(cEvent)
		if ioctl(s.d.fd, vidiocDQEvent, event) != nil {
			return changed
		}
		changed = changed || event._type == eventSourceChange
	}
}

// waker is an eventfd that can be read once ctx has ended.
type waker struct {
	fd   int
	stop func() bool
	done chan error // the result of the write
}

func newWaker(ctx context.Context) (*waker, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	w := &waker{fd: fd, done: make(chan error, 1)}
	w.stop = context.AfterFunc(ctx, func() {
		_, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1))
		w.done <- err
	})
	return w, nil
}

// close waits for a write that is under way, so that it cannot hit another file with this number.
func (w *waker) close() error {
	var err error
	if !w.stop() {
		err = <-w.done
	}
	return errors.Join(err, unix.Close(w.fd))
}
