//go:build linux

package main

import (
	"net"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// outlet is the sender's side of one viewer.
type outlet struct {
	conn *net.TCPConn
	raw  syscall.RawConn
	fd   int
	slow bool // reads at half speed

	// Whoever has set busy owns the rest: the loop, or a goroutine that waits for the socket.
	busy    atomic.Bool
	last    uint64 // number of the last picture
	iov     [3]unix.Iovec
	msg     unix.Msghdr
	control [128]byte
	direct  push                  // what inside calls
	inside  func(fd uintptr) bool // for RawConn.Write, with what it is to send and what it did
	what    *picture
	from    int
	did     int
	fault   error
	due     []*picture // zerocopy: sent and not completed
	counts
}

// counts are what the sender saw.
type counts struct {
	writes, handed, pictures int // system calls that send; pictures that the loop could not send at once; all pictures
	waits                    int // for a full socket
	completed, copied        int // zerocopy
	queued, samples          int // bytes in the socket before each picture, of slow viewers
}

func (c *counts) add(o counts) {
	c.writes += o.writes
	c.handed += o.handed
	c.waits += o.waits
	c.pictures += o.pictures
	c.completed += o.completed
	c.copied += o.copied
	c.queued += o.queued
	c.samples += o.samples
}

func newOutlet(conn *net.TCPConn) (*outlet, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	o := &outlet{conn: conn, raw: raw}
	if err := raw.Control(func(fd uintptr) { o.fd = int(fd) }); err != nil { // conn lives as long as o
		return nil, err
	}
	var hello [1]byte
	if _, err := conn.Read(hello[:]); err != nil {
		return nil, err
	}
	o.slow = hello[0] == helloSlow
	return o, nil
}

// push sends as much of p as the socket takes, and returns where it got to.
func (o *outlet) push(f push, p *picture, from int) (int, error) {
	for from < p.size {
		n, err := f(o, p, from)
		if err != nil || n == 0 {
			return from, err
		}
		from += n
	}
	return from, nil
}

// sample notes how much is queued for a slow viewer.
func (o *outlet) sample() error {
	if !o.slow {
		return nil
	}
	n, err := unix.IoctlGetInt(o.fd, unix.SIOCOUTQ)
	o.queued += n
	o.samples++
	return err
}
