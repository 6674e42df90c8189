//go:build linux

package main

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is an io_uring. The types are those of linux/io_uring.h.
type ring struct {
	fd           int
	params       ringParams
	sq, cq, sqes []byte
	messages     []unix.Msghdr
	took         []int
}

type ringParams struct {
	sqEntries, cqEntries uint32
	_                    [8]uint32
	sqOff                struct{ _, tail, mask, _, _, _, array, _, _, _ uint32 }
	cqOff                struct{ head, tail, mask, _, _, cqes, _, _, _, _ uint32 }
}

type ringEntry struct {
	opcode   uint8
	_        [3]uint8 // flags, priority
	fd       int32
	_        uint64 // offset
	addr     uint64
	length   uint32
	msgFlags uint32
	userData uint64
	_        [3]uint64
}

type ringDone struct {
	userData uint64
	res      int32
	_        uint32
}

func newRing(outlets int) (*ring, error) {
	const offSQ, offCQ, offSQEs = 0, 0x8000000, 0x10000000
	r := &ring{messages: make([]unix.Msghdr, outlets), took: make([]int, outlets)}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(outlets), uintptr(unsafe.Pointer(&r.params)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring_setup: %w; leave this way out with --ways, or see the sysctl kernel.io_uring_disabled", errno)
	}
	r.fd = int(fd)
	p := &r.params
	for _, m := range []struct {
		into *[]byte
		at   int64
		size uint32
	}{
		{&r.sq, offSQ, p.sqOff.array + p.sqEntries*4},
		{&r.cq, offCQ, p.cqOff.cqes + p.cqEntries*uint32(unsafe.Sizeof(ringDone{}))},
		{&r.sqes, offSQEs, p.sqEntries * uint32(unsafe.Sizeof(ringEntry{}))},
	} {
		var err error
		if *m.into, err = unix.Mmap(r.fd, m.at, int(m.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
			return nil, fmt.Errorf("io_uring: mmap: %w", err)
		}
	}
	return r, nil
}

func at[T any](area []byte, offset uint32) *T { return (*T)(unsafe.Pointer(&area[offset])) }

// send returns for each outlet how much of p it took.
func (r *ring) send(outlets []*outlet, p *picture) ([]int, error) {
	const opSendmsg = 9
	tail := at[uint32](r.sq, r.params.sqOff.tail)
	mask := *at[uint32](r.sq, r.params.sqOff.mask)
	next := *tail
	for i, o := range outlets {
		r.messages[i].Iov = &p.iov[0]
		r.messages[i].SetIovlen(len(p.iov))
		slot := next & mask
		*at[ringEntry](r.sqes, slot*uint32(unsafe.Sizeof(ringEntry{}))) = ringEntry{
			opcode: opSendmsg, fd: int32(o.fd), addr: uint64(uintptr(unsafe.Pointer(&r.messages[i]))), length: 1,
			msgFlags: unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL, userData: uint64(i),
		}
		*at[uint32](r.sq, r.params.sqOff.array+slot*4) = slot
		next++
	}
	atomic.StoreUint32(tail, next)
	for submit, left := len(outlets), len(outlets); left > 0; {
		n, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(submit), uintptr(left), 1, 0, 0) // IORING_ENTER_GETEVENTS
		if errno != 0 && errno != unix.EINTR {
			return nil, fmt.Errorf("io_uring_enter: %w", errno)
		}
		if errno == 0 {
			submit -= int(n)
		}
		done, err := r.reap()
		if err != nil {
			return nil, err
		}
		left -= done
	}
	return r.took[:len(outlets)], nil
}

// reap reads what is done, and returns how many sends that are.
func (r *ring) reap() (int, error) {
	first := at[uint32](r.cq, r.params.cqOff.head)
	head, tail := *first, atomic.LoadUint32(at[uint32](r.cq, r.params.cqOff.tail))
	mask := *at[uint32](r.cq, r.params.cqOff.mask)
	done := int(tail - head)
	for ; head != tail; head++ {
		d := at[ringDone](r.cq, r.params.cqOff.cqes+(head&mask)*uint32(unsafe.Sizeof(ringDone{})))
		if d.res < 0 && unix.Errno(-d.res) != unix.EAGAIN {
			return 0, fmt.Errorf("io_uring: sendmsg: %w", unix.Errno(-d.res))
		}
		r.took[d.userData] = int(max(d.res, 0))
	}
	atomic.StoreUint32(first, head)
	return done, nil
}
