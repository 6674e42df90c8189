//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A part is a head with the time of sending, a frame of noise and the boundary behind it, as the hub sends a JPEG.
const (
	headText = "Content-Type: image/jpeg\r\nContent-Length: %08d\r\nX-Sent: %019d\r\n\r\n"
	headSize = len("Content-Type: image/jpeg\r\nContent-Length: 00000000\r\nX-Sent: 0000000000000000000\r\n\r\n")
	tail     = "\r\n--frame\r\n"
)

func unitSize(body int) int { return headSize + body + len(tail) }

func head(body int, sent time.Time) []byte { return fmt.Appendf(nil, headText, body, sent.UnixNano()) }

// readHead returns the time of sending.
func readHead(head []byte) (time.Time, error) {
	_, rest, _ := strings.Cut(string(head), "X-Sent: ")
	digits, end, _ := strings.Cut(rest, "\r\n")
	ns, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || end != "\r\n" {
		return time.Time{}, fmt.Errorf("no head: %q", head)
	}
	return time.Unix(0, ns), nil
}

// picture is one part to send. Its bytes never change: TCP may still hold them when all others have forgotten them.
type picture struct {
	n      uint64
	slices [3][]byte
	iov    [3]unix.Iovec // of all of it
	size   int
	file   int          // memfd that holds it, or -1
	refs   atomic.Int32 // who still wants to send from file
}

func newPicture(n uint64, body []byte) *picture {
	p := &picture{n: n, slices: [3][]byte{head(len(body), time.Now()), body, []byte(tail)}, size: unitSize(len(body)), file: -1}
	p.refs.Store(1)
	vector(p.slices[:], 0, &p.iov)
	return p
}

// vector fills iov with what lies behind the first from bytes of the slices, and returns how many entries that needs.
func vector(slices [][]byte, from int, iov *[3]unix.Iovec) int {
	n := 0
	for _, s := range slices {
		if from >= len(s) {
			from -= len(s)
			continue
		}
		iov[n].Base = &s[from]
		iov[n].SetLen(len(s) - from)
		n++
		from = 0
	}
	return n
}

// keep puts the picture from byte from on into a file of its own in memory, which nobody can write to any more.
func (p *picture) keep(from int) error {
	fd, err := unix.MemfdCreate("frame", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	p.file = fd
	var iov [3]unix.Iovec
	count := vector(p.slices[:], from, &iov)
	if n, err := call(unix.SYS_WRITEV, fd, &iov, count); err != nil || n != p.size-from {
		return fmt.Errorf("memfd: %d of %d bytes, %w", n, p.size-from, err)
	}
	_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	return err
}

// hold keeps the file open until release. It reports false if it is closed already.
func (p *picture) hold() bool {
	for n := p.refs.Load(); n > 0; n = p.refs.Load() {
		if p.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// release closes the file when nobody needs it any more. What of its pages TCP still holds lives on.
func (p *picture) release() {
	if p.refs.Add(-1) == 0 && p.file >= 0 {
		_ = unix.Close(p.file) // nothing is lost with it
	}
}
