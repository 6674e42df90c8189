//go:build linux && cgo

package device

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ring is the driver's buffers, mapped into this process.
type ring struct {
	fd   int
	bufs [][]byte
	arg  cBuffer // what the driver is asked with: one for all calls, since it is on the heap with the ring
}

// newRing has the driver make about n buffers and maps them. If it fails, nothing is left.
func newRing(fd, n int) (*ring, error) {
	r := &ring{fd: fd}
	if err := r.create(n); err != nil {
		return nil, errors.Join(err, r.release())
	}
	return r, nil
}

func (r *ring) create(n int) error {
	count := &cBufferCount{count: cUint(n), _type: typeCapture, memory: memoryMapped} //nolint:gosec // a few
	if err := ioctl(r.fd, vidiocReqBufs, count); err != nil {
		return fmt.Errorf("request buffers: %w", err)
	}
	if count.count == 0 {
		return errors.New("request buffers: the driver gave none")
	}
	for i := range int(count.count) {
		r.prepare(i)
		if err := ioctl(r.fd, vidiocQueryBuf, &r.arg); err != nil {
			return fmt.Errorf("query buffer: %w", err)
		}
		offset := binary.NativeEndian.Uint32(r.arg.m[:]) // the union's first member
		buf, err := unix.Mmap(r.fd, int64(offset), int(r.arg.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return fmt.Errorf("map buffer: %w", err)
		}
		r.bufs = append(r.bufs, buf)
	}
	return nil
}

func (r *ring) prepare(i int) {
	r.arg = cBuffer{index: cUint(i), _type: typeCapture, memory: memoryMapped} //nolint:gosec // a few
}

// start queues all buffers and has the device fill them.
func (r *ring) start() error {
	for i := range r.bufs {
		if err := r.queue(i); err != nil {
			return err
		}
	}
	kind := cInt(typeCapture)
	if err := ioctl(r.fd, vidiocStreamOn, &kind); err != nil {
		return fmt.Errorf("start streaming: %w", err)
	}
	return nil
}

// queue hands a buffer to the driver.
func (r *ring) queue(i int) error {
	r.prepare(i)
	if err := ioctl(r.fd, vidiocQBuf, &r.arg); err != nil {
		return fmt.Errorf("queue buffer: %w", err)
	}
	return nil
}

// dequeue takes the oldest filled buffer; ok is false if there is none.
func (r *ring) dequeue() (b filled, ok bool, err error) {
	r.prepare(0)
	err = ioctl(r.fd, vidiocDQBuf, &r.arg)
	if errors.Is(err, unix.EAGAIN) {
		return filled{}, false, nil
	}
	if err != nil {
		return filled{}, false, fmt.Errorf("dequeue buffer: %w", err)
	}
	if i := int(r.arg.index); i >= len(r.bufs) {
		return filled{}, false, fmt.Errorf("dequeue buffer: the driver hands over number %d of %d", i, len(r.bufs))
	}
	return makeFilled(&r.arg, len(r.bufs[r.arg.index])), true, nil
}

// filled is a buffer that the driver has handed over.
type filled struct {
	index    int
	used     int // bytes
	sequence uint32
	time     time.Duration
	broken   bool
}

// makeFilled reads what the driver says of a buffer of size bytes.
func makeFilled(arg *cBuffer, size int) filled {
	b := filled{index: int(arg.index), used: min(int(arg.bytesused), size), sequence: uint32(arg.sequence)}
	b.broken = b.used == 0 || arg.flags&flagError != 0
	if arg.flags&flagClockMask == flagMonotonic {
		b.time = time.Duration(arg.timestamp.tv_sec)*time.Second + time.Duration(arg.timestamp.tv_usec)*time.Microsecond
	}
	return b
}

// release stops the device and gives the buffers back. They must not be read afterward. Errors of a removed device
// do not matter.
func (r *ring) release() error {
	var errs []error
	kind := cInt(typeCapture)
	if err := ioctl(r.fd, vidiocStreamOff, &kind); err != nil && alive(r.fd) {
		errs = append(errs, fmt.Errorf("stop streaming: %w", err))
	}
	for _, buf := range r.bufs {
		if err := unix.Munmap(buf); err != nil {
			errs = append(errs, fmt.Errorf("unmap buffer: %w", err))
		}
	}
	none := &cBufferCount{_type: typeCapture, memory: memoryMapped}
	if err := ioctl(r.fd, vidiocReqBufs, none); err != nil && alive(r.fd) {
		errs = append(errs, fmt.Errorf("free buffers: %w", err))
	}
	return errors.Join(errs...)
}
