//go:build linux

package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// push sends what lies behind the first from bytes of a picture, as far as the socket takes it. 0 bytes mean that it is full.
type push func(o *outlet, p *picture, from int) (int, error)

// way is one way of sending.
type way struct {
	name, about string
	push        push                   // nil: net.Buffers
	each        bool                   // a goroutine for each viewer, no loop
	ready       func(p *picture) error // once for each picture
	open        func(o *outlet) error  // once for each viewer
	after       func(o *outlet) error  // now and then for each viewer
	uring       bool                   // all viewers by one system call
}

func ways() []way {
	file := func(from int) func(*picture) error { return func(p *picture) error { return p.keep(from) } }
	return []way{
		{name: "goroutines", about: "a goroutine for each viewer, net.Buffers (writev): what the floor does", each: true},
		{name: "goroutines-raw", about: "a goroutine for each viewer, writev by RawSyscall inside of RawConn.Write", each: true, push: withWritevRaw},
		{name: "loop-syscall", about: "one loop over all viewers, writev by Syscall, which tells the scheduler", push: withWritev},
		{name: "loop", about: "the same by RawSyscall, as all that follow", push: withWritevRaw},
		{name: "loop-rawconn", about: "the same inside of RawConn.Write, which keeps the socket open meanwhile", push: withRawConn, open: openRawConn},
		{name: "loop-sendmsg", about: "sendmsg with MSG_DONTWAIT and MSG_NOSIGNAL", push: withSendmsg},
		{name: "sendfile", about: "one sendfile from a sealed memfd that holds all of the part", push: withSendfile, ready: file(0)},
		{name: "sendfile-head", about: "send of a head with MSG_MORE, then sendfile of the rest", push: withHeadAndFile, ready: file(headSize)},
		{name: "zerocopy", about: "sendmsg with MSG_ZEROCOPY, completions read every 8 frames", push: withZerocopy, open: openZerocopy, after: reap},
		{name: "uring", about: "sendmsg to all viewers by one io_uring_enter", push: withSendmsg, uring: true},
	}
}

// call is a system call with an iovec. A full socket is no error.
func call(trap uintptr, fd int, iov *[3]unix.Iovec, count int) (int, error) {
	n, _, errno := unix.Syscall(trap, uintptr(fd), uintptr(unsafe.Pointer(iov)), uintptr(count))
	return result(n, errno)
}

func result(n uintptr, errno unix.Errno) (int, error) {
	switch errno {
	case 0:
		return int(n), nil
	case unix.EAGAIN:
		return 0, nil
	}
	return 0, errno
}

// rest returns the iovec of what is to be sent: the picture's own, if that is all of it.
func (o *outlet) rest(p *picture, from int) (*[3]unix.Iovec, int) {
	o.writes++
	if from == 0 {
		return &p.iov, len(p.iov)
	}
	return &o.iov, vector(p.slices[:], from, &o.iov)
}

func withWritev(o *outlet, p *picture, from int) (int, error) {
	iov, count := o.rest(p, from)
	return call(unix.SYS_WRITEV, o.fd, iov, count)
}

func withWritevRaw(o *outlet, p *picture, from int) (int, error) {
	iov, count := o.rest(p, from)
	n, _, errno := unix.RawSyscall(unix.SYS_WRITEV, uintptr(o.fd), uintptr(unsafe.Pointer(iov)), uintptr(count))
	return result(n, errno)
}

func (o *outlet) sendmsg(p *picture, from, flags int) (int, error) {
	iov, count := o.rest(p, from)
	o.msg.Iov = &iov[0]
	o.msg.SetIovlen(count)
	n, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(o.fd), uintptr(unsafe.Pointer(&o.msg)), uintptr(flags|unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL))
	return result(n, errno)
}

func withSendmsg(o *outlet, p *picture, from int) (int, error) { return o.sendmsg(p, from, 0) }

// openRawConn makes the function that RawConn.Write calls, once: one made for each write would be allocated for each.
func openRawConn(o *outlet) error {
	o.direct = withWritevRaw
	o.inside = func(uintptr) bool {
		o.did, o.fault = withWritevRaw(o, o.what, o.from)
		return true // never waits
	}
	return nil
}

func withRawConn(o *outlet, p *picture, from int) (int, error) {
	o.what, o.from = p, from
	if err := o.raw.Write(o.inside); err != nil {
		return 0, err
	}
	return o.did, o.fault
}

func withSendfile(o *outlet, p *picture, from int) (int, error) {
	return sendfile(o, p, from, p.size-from)
}

func sendfile(o *outlet, p *picture, from, count int) (int, error) {
	o.writes++
	at := int64(from)
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDFILE, uintptr(o.fd), uintptr(p.file), uintptr(unsafe.Pointer(&at)), uintptr(count), 0, 0)
	return result(n, errno)
}

// withHeadAndFile is for parts whose head differs from viewer to viewer, as an MP4 fragment's does. file holds what lies behind it.
func withHeadAndFile(o *outlet, p *picture, from int) (int, error) {
	sent := 0
	if from < headSize {
		o.writes++
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(o.fd), uintptr(unsafe.Pointer(&p.slices[0][from])), uintptr(headSize-from),
			unix.MSG_MORE|unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		var err error
		if sent, err = result(n, errno); err != nil || from+sent < headSize {
			return sent, err
		}
		from = headSize
	}
	n, err := sendfile(o, p, from-headSize, p.size-from)
	return sent + n, err
}

func openZerocopy(o *outlet) error {
	if err := unix.SetsockoptInt(o.fd, unix.SOL_SOCKET, unix.SO_ZEROCOPY, 1); err != nil {
		return fmt.Errorf("SO_ZEROCOPY: %w", err)
	}
	return nil
}

func withZerocopy(o *outlet, p *picture, from int) (int, error) {
	n, err := o.sendmsg(p, from, unix.MSG_ZEROCOPY)
	if err == unix.ENOBUFS { // too many completions are due (net.core.optmem_max, RLIMIT_MEMLOCK)
		if err := reap(o); err != nil {
			return 0, err
		}
		return o.sendmsg(p, from, 0)
	}
	if n > 0 {
		o.due = append(o.due, p)
	}
	return n, err
}

// reap reads the completions of a socket, which come in order: only then may the garbage collector have the memory that was sent (msg_zerocopy.rst,
// "Notifications").
func reap(o *outlet) error {
	m := unix.Msghdr{Control: &o.control[0]}
	for {
		m.SetControllen(len(o.control))
		_, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(o.fd), uintptr(unsafe.Pointer(&m)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if errno == unix.EAGAIN {
			return nil
		}
		if errno != 0 {
			return fmt.Errorf("completions: %w", errno)
		}
		done, copied, err := completion(o.control[:m.Controllen])
		if err != nil {
			return err
		}
		if done > len(o.due) {
			return fmt.Errorf("%d completions of %d sends", done, len(o.due))
		}
		clear(o.due[:done])
		o.due = o.due[done:]
		o.completed += done
		if copied {
			o.copied += done
		}
	}
}

// completion reads a struct sock_extended_err: how many sends are done, and whether the kernel copied after all.
func completion(control []byte) (done int, copied bool, err error) {
	const originZerocopy, codeCopied = 5, 1 // SO_EE_ORIGIN_ZEROCOPY, SO_EE_CODE_ZEROCOPY_COPIED of linux/errqueue.h
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0, false, err
	}
	for _, m := range messages {
		if len(m.Data) < 16 || m.Data[4] != originZerocopy {
			continue
		}
		e := (*struct { // errno, origin, type, code, pad, info, data
			errno                   uint32
			origin, kind, code, pad uint8
			first, last             uint32
		})(unsafe.Pointer(&m.Data[0]))
		done += int(e.last-e.first) + 1
		copied = copied || e.code == codeCopied
	}
	return done, copied, nil
}
