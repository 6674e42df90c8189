//go:build unix

package connwriter

import (
	"errors"
	"net"
	"syscall"
)

// peerClosed reports whether the other end of a TCP connection has closed it, without a goroutine that waits for that.
// It discards what there is to read, because the end comes after it.
func peerClosed(conn net.Conn) bool {
	sc, ok := NetConn(conn).(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	err = raw.Read(func(fd uintptr) bool {
		var buf [512]byte
		for range 16 { // bounded: a client may never stop sending
			n, _, err := syscall.Recvfrom(int(fd), buf[:], syscall.MSG_DONTWAIT)
			if n > 0 {
				continue
			}
			closed = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
			break
		}
		return true
	})
	return closed || err != nil
}
